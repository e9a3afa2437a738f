// SPDX-License-Identifier: LicenseRef-z360-proprietary
// After the call: messages and recordings are copied, told of, heard and removed, whatever fails on the way.
#include "adapter/crypto/digest.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

const std::string k_fcm = fcm_token("cAndroid");

class recording_flow : public flow {
  protected:
    rig& keeping(std::map<std::string, std::string> environment = {}, sim::carrier_settings carrier = {}) {
        rig_options o;
        o.devices = 1;
        o.push = true;
        o.carrier = std::move(carrier);
        o.carrier.speak_per_char = millis{5};
        o.carrier.recording_delay = 200ms;
        o.environment = std::move(environment);
        o.start = false;
        return set_up(std::move(o));
    }
    static void begin(rig& r) {
        r.server().start();
        ASSERT_TRUE(r.server().ready());
        r.know_android(k_fcm);
    }
    rig& kept(std::map<std::string, std::string> environment = {}, sim::carrier_settings carrier = {}) {
        environment.emplace("Z360_RECORDINGS_FOLDER", "/tmp/z360-recordings-" + std::to_string(::getpid()));
        folder_of_run_ = environment.at("Z360_RECORDINGS_FOLDER");
        auto& r = keeping(std::move(environment), std::move(carrier));
        begin(r);
        return r;
    }
    void TearDown() override {
        flow::TearDown();
        std::error_code ignored;
        if (!folder_of_run_.empty()) std::filesystem::remove_all(folder_of_run_, ignored);
    }
    [[nodiscard]] std::size_t files() const {
        std::size_t n = 0;
        std::error_code ec;
        for (const auto& e : std::filesystem::recursive_directory_iterator(folder_of_run_, ec))
            if (e.is_regular_file()) ++n;
        return n;
    }
    std::string folder_of_run_;
};

/// Somebody calls, nobody answers, a message of some length is left. The carrier's session.
std::string leave_message(rig& r, millis length = 1'500ms) {
    r.carrier().set_default_phone(phone::declines(50ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    EXPECT_TRUE(r.commanded("record_start", session));
    const auto from = std::chrono::steady_clock::now();
    EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - from >= length; }, length + 1s));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "voicemail"));
    return session;
}

bool stands(rig& r, const std::string& status, millis limit = 10s) {
    return eventually([&] { return r.sql("select status from recordings") == status; }, limit);
}

std::size_t left_at_carrier(rig& r) {
    return r.carrier().with([](sim::carrier& c, time_point) {
        std::size_t n = 0;
        for (const auto& rec : c.seen().recordings)
            if (!rec.removed_at) ++n;
        return n;
    });
}

std::string path_of(const json& recording) {
    const auto url = recording.at("recording_urls").at("mp3").get<std::string>();
    return url.substr(url.find("/api/"));
}

json only_message(const app& a) {
    const auto all = a.client.get("/api/voip/voicemails");
    EXPECT_EQ(all.status, 200) << all.body;
    if (all.data().size() != 1) {
        ADD_FAILURE() << all.body;
        return {};
    }
    return all.data()[0];
}

} // namespace

TEST_F(recording_flow, be_26_a_message_is_copied_told_of_once_heard_and_removed_everywhere) {
    auto& r = kept();
    const auto phone_app = install(r, "pixel", "android", {{"fcm_token", k_fcm}});
    const auto session = leave_message(r);
    ASSERT_TRUE(stands(r, "kept"));
    ASSERT_TRUE(r.pushed("voicemail"));
    const auto m = only_message(phone_app);
    EXPECT_EQ(m.at("call_session_id"), session);
    EXPECT_EQ(m.at("from"), "+13125550142");
    EXPECT_EQ(m.at("state"), "ready");
    EXPECT_GE(m.at("duration_ms"), 1'500);
    const auto got = r.client().get(path_of(m));
    ASSERT_EQ(got.status, 200) << got.body.substr(0, 200);
    EXPECT_EQ(got.header("content-type"), "audio/mpeg");
    EXPECT_EQ(got.body.size(), m.at("bytes"));
    EXPECT_EQ(adapter::crypto::sha256_hex(got.body), m.at("sha256").get<std::string>());
    const auto part = r.client().with("Range", "bytes=5-9").get(path_of(m));
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, got.body.substr(5, 5));
    EXPECT_EQ(files(), 1U);

    const auto id = m.at("id").get<std::string>();
    EXPECT_EQ(phone_app.client.post("/api/voip/voicemails/" + id + "/seen").status, 200);
    EXPECT_EQ(phone_app.client.get("/api/voip/voicemails").json.at("meta").at("unseen"), 0);
    const auto told = r.pushes("voicemail");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].body.at("message").at("data").at("voicemail_id"), id);

    EXPECT_EQ(phone_app.client.remove("/api/voip/voicemails/" + id).status, 200);
    EXPECT_EQ(r.client().get(path_of(m)).status, 404) << "at once, whatever is still to be removed";
    ASSERT_TRUE(stands(r, "removed"));
    EXPECT_EQ(files(), 0U);
    EXPECT_EQ(left_at_carrier(r), 0U);
    EXPECT_TRUE(phone_app.client.get("/api/voip/voicemails").data().empty());
}

TEST_F(recording_flow, be_24_content_that_does_not_come_is_fetched_later_and_heard_meanwhile) {
    auto& r = kept();
    const auto phone_app = install(r, "pixel", "android", {{"fcm_token", k_fcm}});
    r.carrier().with([](sim::carrier& c, time_point) { c.fail_recording_files(503); });
    (void)leave_message(r);
    ASSERT_TRUE(eventually([&] { return r.server().metric("recording_failures_total{at=\"carrier\"}") >= 1; })
    );
    ASSERT_TRUE(r.pushed("voicemail")) << "its person is told all the same";
    const auto m = only_message(phone_app);
    EXPECT_EQ(m.at("state"), "pending");
    const auto led = r.client().get(path_of(m));
    EXPECT_EQ(led.status, 302) << led.body;
    EXPECT_NE(led.header("location").find("/recording-files/"), std::string::npos);
    EXPECT_EQ(files(), 0U) << "nothing half done is left";
    r.carrier().with([](sim::carrier& c, time_point) { c.fail_recording_files(0); });
    ASSERT_TRUE(stands(r, "kept", 20s));
    EXPECT_EQ(r.pushes("voicemail").size(), 1U);
}

TEST_F(recording_flow, be_24_an_address_that_has_run_out_is_asked_for_anew) {
    sim::carrier_settings c;
    c.recording_url_life = 1ms;
    auto& r = kept({}, c);
    r.carrier().with([](sim::carrier& x, time_point) { x.fail_recording_files(403); });
    (void)leave_message(r);
    ASSERT_TRUE(eventually([&] {
        return r.carrier().with([](sim::carrier& x, time_point) {
            return !x.seen().commands_of("get_recording").empty();
        });
    })) << "a refused address is not the end";
    r.carrier().with([](sim::carrier& x, time_point) { x.clear_faults(); });
    EXPECT_EQ(r.sql("select status from recordings"), "waiting") << "never lost for that";
}

TEST_F(recording_flow, be_24_without_a_folder_it_stays_at_the_carrier_and_is_copied_when_there_is_one) {
    auto& r = keeping();
    begin(r);
    const auto phone_app = install(r, "pixel", "android", {{"fcm_token", k_fcm}});
    (void)leave_message(r);
    ASSERT_TRUE(r.pushed("voicemail"));
    ASSERT_TRUE(eventually([&] { return r.sql("select due_at is null from recordings") == "t"; }));
    EXPECT_EQ(r.client().get(path_of(only_message(phone_app))).status, 302);
    r.server().signal(SIGTERM);
    ASSERT_EQ(r.server().wait(), 0);
    folder_of_run_ = "/tmp/z360-recordings-" + std::to_string(::getpid());
    auto& next = r.add_node({{"Z360_RECORDINGS_FOLDER", folder_of_run_}});
    next.start();
    ASSERT_TRUE(next.ready());
    ASSERT_TRUE(stands(r, "kept"));
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(r.pushes("voicemail").size(), 1U) << "told of once, by whichever node";
}

TEST_F(recording_flow, be_24_a_killed_nodes_copies_are_made_by_the_next_and_the_carriers_removed_after_them) {
    auto& r = kept({{"Z360_RECORDINGS_REMOVE_ORIGINALS", "true"}});
    r.carrier().with([](sim::carrier& c, time_point) { c.fail_recording_files(500); });
    (void)leave_message(r);
    ASSERT_TRUE(eventually([&] { return r.sql("select attempts > 0 from recordings") == "t"; }));
    r.server().kill();
    EXPECT_EQ(left_at_carrier(r), 1U) << "never before ours is kept";
    r.carrier().with([](sim::carrier& c, time_point) { c.fail_recording_files(0); });
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    ASSERT_TRUE(stands(r, "kept", 20s));
    ASSERT_TRUE(eventually([&] { return left_at_carrier(r) == 0; }, 10s));
    EXPECT_EQ(files(), 1U);
}

TEST_F(recording_flow, be_32_a_talk_is_recorded_in_two_channels_and_found_by_its_organisation) {
    auto& r = kept();
    r.phone(1, phone::answers(50ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    ASSERT_TRUE(stands(r, "kept"));
    const auto found = r.admin().get(
        "/api/admin/organizations/" + std::to_string(r.org()) + "/calls/" + session + "/recordings"
    );
    ASSERT_EQ(found.status, 200) << found.body;
    ASSERT_EQ(found.data().size(), 1U);
    EXPECT_EQ(found.data()[0].at("kind"), "call");
    EXPECT_EQ(r.client().get(path_of(found.data()[0])).status, 200);
    EXPECT_TRUE(r.pushes("voicemail").empty());
}

TEST_F(recording_flow, be_26_a_caller_who_leaves_at_the_tone_leaves_no_message) {
    auto& r = kept();
    const auto phone_app = install(r, "pixel", "android", {{"fcm_token", k_fcm}});
    (void)leave_message(r, 100ms);
    ASSERT_TRUE(stands(r, "removed"));
    EXPECT_TRUE(r.pushes("voicemail").empty());
    EXPECT_TRUE(phone_app.client.get("/api/voip/voicemails").data().empty());
    EXPECT_EQ(left_at_carrier(r), 0U);
}

TEST_F(recording_flow, be_26_telnyx_writes_down_what_a_message_says_where_the_organisation_wants_it) {
    sim::carrier_settings c;
    c.transcript = "Please call me back.";
    c.transcript_delay = 100ms; // before the news of the recording
    auto& r = kept({}, c);
    const auto phone_app = install(r, "pixel", "android", {{"fcm_token", k_fcm}});
    auto session = leave_message(r);
    EXPECT_FALSE(commands(r, "record_start", session).at(0).body.contains("transcription"))
        << "off by default";
    ASSERT_TRUE(stands(r, "kept"));
    EXPECT_TRUE(only_message(phone_app).at("transcript").is_null());
    EXPECT_EQ(
        phone_app.client.remove("/api/voip/voicemails/" + only_message(phone_app).at("id").get<std::string>())
            .status,
        200
    );

    const auto settings = "/api/admin/organizations/" + std::to_string(r.org()) + "/settings";
    ASSERT_LT(r.admin().put(settings, {{"transcribe_messages", true}}).status, 300);
    session = leave_message(r);
    EXPECT_EQ(commands(r, "record_start", session).at(0).body.at("transcription"), true);
    ASSERT_TRUE(eventually(
        [&] { return r.sql("select count(*) from recordings where transcript is not null") == "1"; }, 15s
    ));
    const auto m = only_message(phone_app);
    EXPECT_EQ(m.at("transcript"), "Please call me back.");
    ASSERT_TRUE(eventually([&] { return r.sql("select count(*) from transcript_events") == "0"; }));
    std::ifstream log(r.server().log_file());
    const std::string lines{std::istreambuf_iterator<char>(log), {}};
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines.find("Please call me back."), std::string::npos) << "in no log";
    EXPECT_EQ(
        r.sql("select count(*) from webhook_events where position('call me back'::bytea in body) > 0"), "0"
    );

    const auto path = "/api/voip/voicemails/" + m.at("id").get<std::string>();
    EXPECT_EQ(r.admin().post(path + "/transcription", {{"transcript", "By hand."}}).status, 200);
    EXPECT_EQ(only_message(phone_app).at("transcript"), "By hand.");
    EXPECT_EQ(phone_app.client.remove(path).status, 200);
    EXPECT_EQ(r.sql("select count(*) from recordings where transcript is not null"), "0");
}

// ---- what the product's inbox and billing read

TEST_F(
    recording_flow, be_29_calls_are_in_the_inbox_once_and_billed_once_whatever_is_repeated_and_whoever_dies
) {
    auto& r = kept({{"Z360_CALLS_RECORD_CALLS", "false"}});
    sim::webhook_fault again; // every webhook three times
    again.duplicates = 2;
    again.duplicate_after = 100ms;
    r.carrier().add_fault(again);
    const auto phone_app = install(r, "pixel", "android", {{"fcm_token", k_fcm}});
    auto& second =
        r.add_node({{"Z360_RECORDINGS_FOLDER", folder_of_run_}, {"Z360_CALLS_RECORD_CALLS", "false"}});
    second.start();
    ASSERT_TRUE(second.ready());
    r.phone(1, phone::answers(50ms));
    const auto caller = r.call();
    const auto talk = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    r.carrier().caller_hangs_up(caller);
    r.server().kill();
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    EXPECT_TRUE(r.quiet(talk));
    r.phone(1, phone::declines(50ms));
    const auto message = leave_message(r);
    ASSERT_TRUE(eventually([&] { return r.sql("select count(*) from ledger") == "2"; }, 20s));
    ASSERT_TRUE(eventually([&] { return r.sql("select count(*) from call_accounts") == "0"; }, 10s));
    EXPECT_EQ(
        r.sql("select string_agg(quantity || unit, ',') from ledger"),
        "1SIMPLE_CALL_MINUTE,1SIMPLE_CALL_MINUTE"
    ) << "the talk although it was not recorded";
    EXPECT_EQ(r.sql("select count(*) from messages"), "2");
    const auto all = phone_app.client.get("/api/voip/conversations");
    ASSERT_EQ(all.status, 200) << all.body;
    ASSERT_EQ(all.data().size(), 1U);
    const auto& conversation = all.data()[0];
    EXPECT_EQ(conversation.at("identifier"), "+13125550142");
    EXPECT_EQ(conversation.at("summary").at("messages"), 2);
    EXPECT_EQ(conversation.at("summary").at("missed"), 1);
    EXPECT_EQ(conversation.at("summary").at("voicemails"), 1);
    EXPECT_EQ(all.json.at("meta").at("summary"), conversation.at("summary"));
    const auto messages =
        phone_app.client.get("/api/voip/conversations/" + conversation.at("id").dump() + "/messages");
    ASSERT_EQ(messages.data().size(), 2U) << messages.body;
    const auto& newest = messages.data()[0];
    EXPECT_EQ(newest.at("metadata").at("call_session_id"), message);
    EXPECT_EQ(newest.at("metadata").at("is_voicemail"), true);
    const auto url = newest.at("metadata").at("recording_urls").at("mp3").get<std::string>();
    EXPECT_LT(r.client().get(url.substr(url.find("/api/"))).status, 400);
    EXPECT_EQ(messages.data()[1].at("metadata").at("call_session_id"), talk);
}

// ---- what voicemail says

TEST_F(recording_flow, be_26_a_number_greets_with_audio_and_with_words_when_it_is_not_there) {
    sim::carrier_settings c;
    c.missing_audio = {"https://media.example/gone.mp3"};
    c.playback_length = 300ms;
    auto& r = kept({}, c);
    r.phone(1, phone::declines(50ms));
    const auto path =
        "/api/admin/organizations/" + std::to_string(r.org()) + "/numbers/" + r.number() + "/voicemail";
    ASSERT_EQ(r.admin().put(path, {{"greeting_url", "https://media.example/hello.mp3"}}).status, 201);
    auto caller = r.call();
    auto session = r.session(caller);
    ASSERT_TRUE(r.commanded("record_start", session));
    EXPECT_EQ(r.accepted("playback_start", session), 1U);
    EXPECT_EQ(r.accepted("speak", session), 0U);
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));

    ASSERT_EQ(
        r.admin()
            .put(path, {{"greeting_url", "https://media.example/gone.mp3"}, {"greeting", "This is Acme."}})
            .status,
        200
    );
    caller = r.call();
    session = r.session(caller);
    ASSERT_TRUE(r.commanded("speak", session, 1, 2s)) << "within two seconds";
    EXPECT_EQ(commands(r, "speak", session).at(0).body.at("payload"), "This is Acme.");
    ASSERT_TRUE(r.commanded("record_start", session));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(recording_flow, be_26_where_there_is_no_voicemail_the_caller_is_told_and_nothing_is_recorded) {
    auto& r = kept();
    r.phone(1, phone::declines(50ms));
    const auto path = "/api/admin/organizations/" + std::to_string(r.org()) + "/members/" +
                      std::to_string(r.user()) + "/voicemail";
    ASSERT_EQ(
        r.admin().put(path, {{"voicemail", false}, {"unavailable_message", "Call tomorrow."}}).status, 201
    );
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.quiet(session)) << "hung up on when it was said";
    EXPECT_EQ(commands(r, "speak", session).at(0).body.at("payload"), "Call tomorrow.");
    EXPECT_TRUE(commands(r, "record_start", session).empty());
    EXPECT_TRUE(ended_as(r, session, "voicemail"));
    EXPECT_EQ(r.sql("select count(*) from recordings"), "0");
}
