// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A stateful model of Telnyx Call Control: legs, bridges, commands in, webhooks out. Pure: no I/O, no clock,
// no randomness. Time is an argument, ids come from a seed, so the same inputs always give the same history.
#pragma once

#include "sim/fault.hpp"
#include "sim/phone.hpp"
#include "sim/rules.hpp"
#include "sim/truth.hpp"
#include "sim/unknowns.hpp"

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::sim {

struct carrier_settings {
    std::string seed = "z360-sim";
    std::string app_connection_id = "2650000000000000001";        ///< call control application
    std::string credential_connection_id = "2770000000000000001"; ///< devices place calls through it
    millis dial_progress{10};  ///< from the dial to call.initiated and the INVITE
    millis answer_time{10};    ///< from the answer command to call.answered
    millis bridge_time{20};    ///< from the bridge command to call.bridged
    millis webhook_latency{0}; ///< added to every webhook
    millis speak_per_char{60}; ///< estimated length of speech
    millis playback_length{3000};
    millis recording_delay{500}; ///< from the end of a recorded leg to call.recording.saved
    std::string recordings_base = "https://recordings.sim.invalid"; ///< where contents are fetched
    millis recording_url_life{600'000};
    std::int64_t recording_bytes_a_second = 8'000; ///< of content; 64 kbit/s
    millis transcript_delay{1'000}; ///< from the end of the leg to call.recording.transcription.saved
    std::string transcript = "Please call me back."; ///< what every message says
    unsigned dials_per_window = 150;
    millis dial_window{5000};
    millis command_memory{60'000};
    millis lookup_after_end{600'000};          ///< GET /calls/{id} works so long after the end
    std::optional<millis> first_command_limit; ///< ends inbound calls that got no command
    std::set<std::string> missing_audio;       ///< URLs that play as file_not_found
    bool only_known_credentials = false;       ///< usernames that were never made cannot be dialed
    std::size_t credentials_per_tag = 1000;
    millis token_life{36'000'000}; ///< of login tokens; never beyond their credential's
    bool tells_quality = true; ///< call_quality_stats in call.hangup of legs that were answered; else null
    bool tells_costs = false;  ///< call.cost for each leg (call_cost_in_webhooks of the connection)
    millis cost_delay{300};    ///< from the end of a leg to its call.cost
    unknowns unknown;
};

/// Answer to a request. `status` 0: none yet.
struct reply {
    int status = 0;
    json body;
    std::optional<std::string> text; ///< sent as text/plain instead of the body
    std::map<std::string, std::string> headers;
    bool lost = false; ///< the carrier acted but its answer never arrives
};

/// What the SDK of a device says when it places a call, beside whom it calls.
struct device_wishes {
    std::string from;         ///< caller id; empty: its SIP username stands there
    std::string client_state; ///< of its own making; empty: none
};

/// Which of the account's two webhook addresses a webhook belongs to.
enum class webhook_source : std::uint8_t { call_control_app, credential_connection };

/// A webhook that is due now.
struct webhook {
    std::uint64_t record = 0; ///< key into truth().webhooks
    std::string event_type;
    json data; ///< becomes `{"data": …, "meta": …}` when sent
    webhook_source source = webhook_source::call_control_app;
    std::string url;                            ///< webhook_url of the dial; empty: the connection's own
    std::optional<std::vector<millis>> retries; ///< from webhook_retries_policies
    std::string form;                           ///< of its bytes; see webhook_fault::form
    unsigned earlier = 0; ///< deliveries of the same event before this one's first: copies count on
};

class carrier {
  public:
    explicit carrier(carrier_settings settings = {});
    carrier(const carrier&) = delete;
    carrier& operator=(const carrier&) = delete;

    // ---- people
    /// A call arrives from the telephone network; returns its call_control_id. Parked until commanded.
    /// With a session: one more caller in it, as the carrier groups legs.
    std::string place_call(std::string from, std::string to, time_point now, std::string session = {});
    /// Without a cause: the usual one before (originator_cancel) or after (normal_clearing) the answer.
    void caller_hangs_up(const std::string& call_control_id, time_point now, std::string cause = {});
    /// A device places a call of its own; it is parked on the credential connection. Empty: its credential is
    /// expired or deleted, so it is not registered.
    std::string device_calls(
        std::string username, std::string to, json custom_headers, time_point now, device_wishes wishes = {}
    );
    void set_phone(std::string username, phone p) { phones_[std::move(username)] = std::move(p); }
    void set_default_phone(phone p) { default_phone_ = std::move(p); }
    /// The person at a ringing phone acts now, whatever its script says. False: the leg does not ring.
    bool device_answers(const std::string& call_control_id, time_point now);
    bool device_declines(const std::string& call_control_id, time_point now);
    /// Somebody presses a key of an answered phone. False: the leg is not answered.
    bool device_presses(const std::string& call_control_id, char key, time_point now);
    /// An answered device, or one that calls, ends its leg: by hanging up or by losing the network.
    bool device_hangs_up(const std::string& call_control_id, time_point now);
    bool device_lost(const std::string& call_control_id, time_point now);
    /// The device puts the other side on hold, or takes it back.
    bool device_holds(const std::string& call_control_id, bool hold, time_point now);

    /// A push of a call has reached the device with this token. A phone that sleeps and is tied to it wakes
    /// after its `wakes_after`, if it has one: what rings it already rings then, and for half a minute it is
    /// awake for what comes later.
    void push_arrives(const std::string& token, time_point now);

    // ---- credentials, past the REST API
    /// Somebody makes one in the portal; returns its id. Without an expiry: the carrier's default.
    std::string seed_credential(
        std::string name, std::string tag, std::string connection, std::optional<time_point> expires_at,
        time_point now
    );
    /// Somebody deletes it in the portal. False: it does not exist.
    bool lose_credential(const std::string& id, time_point now);
    /// Its life ends now, whatever it was to be. False: it does not exist.
    bool expire_credential(const std::string& id, time_point now);
    [[nodiscard]] const credential_book& credentials() const { return truth_.credentials; }
    /// Whether a dial to this SIP username can reach a phone.
    [[nodiscard]] bool dialable(std::string_view username, time_point now) const;

    // ---- faults
    void add_fault(webhook_fault f, time_point now);
    void add_fault(command_fault f, time_point now);
    void clear_faults();

    // ---- the REST API
    /// Takes one request. `path` is percent-decoded, with or without the /v2 prefix; a body that is no JSON
    /// is passed as a discarded value. The answer is fetched with take_reply under the returned number.
    std::uint64_t
    submit(std::string_view method, std::string_view path, std::string_view query, json body, time_point now);
    /// The answer, once it is due; each answer can be taken once.
    std::optional<reply> take_reply(std::uint64_t request, time_point now);
    /// submit and take_reply in one; status 0 while the answer is stalled.
    reply handle(std::string_view method, std::string_view path, json body, time_point now);

    // ---- time
    void advance(time_point now);
    /// When something happens next without outside help.
    [[nodiscard]] std::optional<time_point> next_due() const;
    /// Webhooks that are due, in sending order. Their delivery is reported with the two calls below.
    std::vector<webhook> take_webhooks(time_point now);
    /// Whether an attempt to deliver this webhook that is made now fails by script
    /// (webhook_fault::unreachable).
    [[nodiscard]] bool delivery_fails(std::uint64_t record, time_point now) const;
    void record_attempt(std::uint64_t record, delivery_attempt attempt);
    void record_outcome(std::uint64_t record, delivery_state outcome);
    /// Drops everything about sessions that ended before `limit`; for runs of many calls.
    void forget_ended_before(time_point limit);

    // ---- ground truth
    [[nodiscard]] const truth& seen() const { return truth_; }
    [[nodiscard]] std::optional<leg_view> leg(const std::string& call_control_id) const;
    /// Lives, and is answered, in no bridge, with nothing played to it and nothing recorded.
    [[nodiscard]] bool in_silence(const std::string& call_control_id) const;
    /// Legs of one session, or of all, oldest first.
    [[nodiscard]] std::vector<leg_view> legs(std::string_view session = {}) const;
    [[nodiscard]] std::size_t alive_legs(std::string_view session = {}) const;
    [[nodiscard]] std::string session_of(const std::string& call_control_id) const;
    [[nodiscard]] const carrier_settings& settings() const { return settings_; }

    // ---- recordings
    /// Where `/recording-files` is served, http://host:port, for addresses from now on.
    void set_recordings_base(std::string base) { settings_.recordings_base = std::move(base); }
    /// Contents are answered with this status from now on, until clear_faults(); 0: as usual.
    void fail_recording_files(int status) { recording_fault_ = status; }
    [[nodiscard]] int recording_fault() const { return recording_fault_; }
    /// How long a content is that somebody fetches by its address (`/recording-files/{file}`); nullopt: the
    /// address has run out, or was never given, or the recording is deleted.
    [[nodiscard]] std::optional<std::int64_t> recording_bytes(
        const std::string& file, const std::string& expires, const std::string& signature, time_point now
    ) const;

  private:
    /// Speech or audio that plays or waits.
    struct sound {
        bool speech = false;
        millis length{0};
        bool endless = false;
        bool missing = false;
        std::string source;
        json client_state; ///< that its command gave, or the leg's
    };
    struct recording {
        std::string id;
        std::string channels;
        std::string format;
        time_point began{};
        bool transcribed = false;
        std::optional<time_point> paused_at;
        std::vector<std::pair<time_point, time_point>> pauses;
    };
    /// Keys that are waited for (gather_using_speak).
    struct gathering {
        std::string keys; ///< that count
        std::size_t least = 1;
        std::size_t most = 128;
        char terminator = '#';
        std::int64_t tries = 3; ///< left, the one under way included
        millis said{0};         ///< how long the text takes
        millis patience{0};     ///< after it
        std::string pressed;
        bool wrong = false; ///< the last try had a key that does not count
        std::uint64_t serial = 0;
    };
    struct leg_state {
        leg_view view;
        std::uint64_t order = 0;
        std::string from_display_name;
        json custom_headers;
        json policies; ///< webhook_retries_policies
        std::string webhook_url;
        bool bridge_on_answer = false;
        bool prevent_double_bridge = false;
        bool park_after_unbridge = false;
        bool retry_on_timeout = true;
        bool initiated = false;
        bool silent = false;     ///< its webhooks are never sent
        std::string transfer_to; ///< the leg that is dialed for it; empty: none is under way
        std::uint64_t dialed_with =
            0; ///< request that dialed several targets: the first answer ends the others
        bool answering = false;
        bool commanded = false;
        time_point bridged_at{};
        std::deque<sound> sounds;
        std::uint64_t sound_serial = 0;
        std::vector<recording> recordings;
        std::optional<gathering> gathers;
        phone behaviour;
    };
    struct pending_reply {
        time_point due{};
        reply what;
    };
    /// A command on its way through the carrier.
    struct order {
        std::uint64_t request = 0;
        std::string verb;
        std::string path_id;
        std::string query;
        json body;
        std::optional<command_fault> fault;
    };
    /// From the transfer until its target answers or ends.
    struct transferring {
        std::string origin; ///< the transferred leg
        order what;
    };
    struct held_webhook {
        std::uint64_t record = 0;
        webhook what;
        std::string session;
    };
    using action = std::function<void(time_point)>;

    // carrier.cpp: legs, time
    leg_state& new_leg(leg_kind kind, std::string session, time_point now);
    leg_state* find(const std::string& call_control_id);
    [[nodiscard]] std::string make_id(std::string_view what);
    void after(time_point due, action what);
    void end_leg(leg_state& l, std::string cause, std::string source, std::string sip, time_point now);
    void leave_bridge(leg_state& l, time_point now, bool hang_up_peer);
    void join(leg_state& path, leg_state& target, time_point now, const std::string& one_sided);
    void leg_answered(leg_state& l, time_point now);
    void note_phone(const leg_state& l, std::string what, time_point now);
    // carrier_phones.cpp
    void invite(const std::string& id, time_point now);
    void ring(const std::string& id, time_point now);
    void wake(const std::string& id, time_point due);
    void act(const std::string& id, time_point now);
    void after_answer(leg_state& l, time_point now);
    // carrier_media.cpp
    void start_media(const order& o, leg_state& l, time_point now);
    void play(leg_state& l, sound s, time_point now);
    void start_sound(leg_state& l, time_point now);
    void end_sound(leg_state& l, const char* status, time_point now);
    void stop_sounds(leg_state& l, bool all, const char* status, time_point now);
    /// Empty: nothing is recorded (a fault).
    std::string start_recording(const order& o, leg_state& l, std::string_view prefix, time_point now);
    void
    fail_recording(const std::string& leg, const std::string& id, const std::string& reason, time_point now);
    reply pause_recordings(const order& o, leg_state& l, time_point now);
    void finish_recording(leg_state& l, std::size_t index, time_point now);
    // carrier_gather.cpp
    void start_gather(const order& o, leg_state& l, time_point now);
    void say_gather(leg_state& l, time_point now);
    void again_or_end(leg_state& l, time_point now);
    void end_gather(leg_state& l, const char* status, time_point now);
    void press(const std::string& id, std::size_t which, time_point now);
    // carrier_figures.cpp
    [[nodiscard]] json quality_of(const leg_state& l) const;
    void tell_cost(const leg_state& l, time_point now);
    // carrier_webhooks.cpp
    void emit(const leg_state& l, std::string type, json extra, time_point now, millis later = millis{0});
    void enqueue(webhook w, const leg_state& l, time_point emitted, time_point due, bool copy);
    [[nodiscard]] json payload_of(const leg_state& l) const;
    // carrier_commands.cpp
    void take_order(order o, time_point now);
    void finish(const order& o, reply r, time_point now);
    reply execute(const order& o, time_point now);
    reply run_on_leg(const order& o, leg_state& l, time_point now);
    void answer_question(const order& o, time_point now);
    reply dial(const order& o, time_point now);
    leg_state& dial_one(const order& o, const std::string& to, const leg_state* linked, time_point now);
    void send_out(leg_state& l, const order& o, time_point now);
    [[nodiscard]] std::optional<reply> refuses_dial(const order& o, std::size_t targets, time_point now);
    reply bridge(const order& o, leg_state& l, time_point now);
    reply refuse(int status, std::string_view code, std::string_view detail) const;
    std::optional<reply> remembered(const order& o, time_point now);
    void describe(const order& o, command_record& c);
    [[nodiscard]] bool
    leg_matches(const std::string& selector, const leg_state* l, const std::string& target) const;
    // carrier_transfer.cpp
    reply transfer(const order& o, leg_state& origin, time_point now);
    [[nodiscard]] std::optional<reply> refuses_transfer(const leg_state& origin) const;
    void target_answered(leg_state& target, time_point now);
    void transfer_over(const leg_state& l, const std::string& cause, const std::string& sip, time_point now);
    // carrier_credentials.cpp
    void take_credential_request(order o, time_point now);
    [[nodiscard]] bool rejects_shape(const order& o, time_point now);
    [[nodiscard]] std::optional<command_fault> credential_fault(const order& o, time_point now);
    void perform_credential_request(const order& o, time_point now);
    reply run_credential_request(const order& o, time_point now, bool keep);
    reply create_credential(const order& o, time_point now, bool keep);
    reply update_credential(const order& o, time_point now, bool keep);
    reply delete_credential(const order& o, time_point now, bool keep);
    reply mint_token(const order& o, time_point now, bool keep);
    [[nodiscard]] reply list_credentials(const order& o, time_point now) const;
    [[nodiscard]] reply refuse_credential(int status, std::string_view code, std::string_view detail) const;
    // carrier_listings.cpp
    reply read(const order& o, time_point now);
    [[nodiscard]] std::optional<reply> rejects_query(const order& o, time_point now);
    [[nodiscard]] reply call_status(const std::string& id, time_point now);
    [[nodiscard]] json active_calls(const order& o, time_point now) const;
    [[nodiscard]] json call_events(const order& o, time_point now) const;
    [[nodiscard]] json webhook_deliveries(const order& o, time_point now) const;
    // carrier_recordings.cpp
    [[nodiscard]] json recordings(const order& o, time_point now) const;
    reply one_recording(const order& o, time_point now);
    [[nodiscard]] json recording_json(const saved_recording& r, time_point now) const;
    [[nodiscard]] std::string recording_url(const saved_recording& r, time_point now) const;
    // carrier_listings.cpp
    [[nodiscard]] json call_event(const webhook_record& w) const;
    [[nodiscard]] json command_event(const command_record& c) const;

    carrier_settings settings_;
    std::map<std::string, phone, std::less<>> phones_;
    std::map<std::string, time_point, std::less<>> pushed_; ///< by token: when the newest push came
    phone default_phone_;
    std::vector<armed<webhook_fault>> webhook_faults_;
    std::vector<armed<command_fault>> command_faults_;
    std::map<std::string, leg_state> legs_;
    std::map<std::string, transferring> transfers_; ///< by the new leg
    std::multimap<time_point, action> timers_;      ///< equal keys keep their order
    std::multimap<time_point, webhook> outbox_;
    std::vector<held_webhook> held_; ///< waiting for the next webhook of their session
    std::map<std::uint64_t, pending_reply> replies_;
    struct memory {
        time_point at{};
        json body;
        std::string call_control_id;
    };
    std::map<std::string, memory> commands_seen_; ///< scope + command_id
    std::deque<time_point> recent_dials_;
    int recording_fault_ = 0;
    std::uint64_t serial_ = 0;
    truth truth_;
};

} // namespace z360::sim
