// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/connection.hpp"

#include <boost/asio/post.hpp>

#include <hiredis/async.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <memory>
#include <mutex>
#include <utility>

namespace z360::adapter::redis {
namespace {

namespace asio = boost::asio;

reply copy(const redisReply& r) {
    const auto text = [&r] { return std::string(r.str, r.len); };
    switch (r.type) {
    case REDIS_REPLY_STRING: return {string_reply{text()}};
    case REDIS_REPLY_STATUS: return {status_reply{text()}};
    case REDIS_REPLY_ERROR: return {error_reply{text()}};
    case REDIS_REPLY_INTEGER: return {integer_reply{r.integer}};
    case REDIS_REPLY_NIL: return {nil_reply{}};
    case REDIS_REPLY_ARRAY: {
        array_reply a;
        a.values.reserve(r.elements);
        for (std::size_t i = 0; i < r.elements; ++i)
            a.values.push_back(copy(*r.element[i]));
        return {std::move(a)};
    }
    default: return {error_reply{"reply of an unknown type"}};
    }
}

// hiredis 0.14 writes with write(2): a peer that went away would end the process.
void ignore_sigpipe() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction current{};
        if (::sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL)
            (void)std::signal(SIGPIPE, SIG_IGN);
    });
}

} // namespace

// hiredis calls add_read … cleanup; Asio's waits call back into hiredis. `context` is null once hiredis freed
// it, which may happen inside any call to hiredis: look again after each.
struct connection::link : std::enable_shared_from_this<connection::link> {
    link(asio::any_io_executor ex, events e) : descriptor(std::move(ex)), notify(std::move(e)) {}

    static link& of(void* p) { return *static_cast<link*>(p); }
    static void add_read(void* p) {
        of(p).want_read = true;
        of(p).wait_read();
    }
    static void del_read(void* p) { of(p).want_read = false; }
    static void add_write(void* p) {
        of(p).want_write = true;
        of(p).wait_write();
    }
    static void del_write(void* p) { of(p).want_write = false; }
    static void cleanup(void* p) {
        auto& l = of(p);
        if (l.context == nullptr) return;
        std::string why = l.context->errstr != nullptr ? l.context->errstr : "";
        l.context = nullptr;
        (void)l.descriptor.release(); // ends the waits; hiredis closes the socket itself
        if (l.notify.on_closed) l.notify.on_closed(why.empty() ? "closed" : std::move(why));
    }
    static void connected(const redisAsyncContext* c, int status) {
        auto& l = of(c->data);
        if (status == REDIS_OK && l.notify.on_open) l.notify.on_open();
    }
    static void replied(redisAsyncContext*, void* r, void* pending) noexcept {
        const std::unique_ptr<on_reply> done(static_cast<on_reply*>(pending));
        if (r == nullptr)
            (*done)(reply{unavailable{unavailable::reason::disconnected}});
        else
            (*done)(copy(*static_cast<const redisReply*>(r))); // hiredis frees r on return
    }

    // Many times for one command. The function stays where it is until the link goes.
    static void published(redisAsyncContext* c, void* r, void*) noexcept {
        const auto& l = of(c->data);
        if (r != nullptr && l.heard) l.heard(copy(*static_cast<const redisReply*>(r)));
    }

    void wait_read() {
        if (reading || context == nullptr) return;
        reading = true;
        descriptor.async_wait(
            asio::posix::stream_descriptor::wait_read,
            [self = shared_from_this()](const boost::system::error_code& ec) {
                self->reading = false;
                if (self->context == nullptr || ec == asio::error::operation_aborted) return;
                if (self->want_read) redisAsyncHandleRead(self->context); // an error shows itself in read(2)
                if (self->context != nullptr && self->want_read) self->wait_read();
            }
        );
    }
    void wait_write() {
        if (writing || context == nullptr) return;
        writing = true;
        descriptor.async_wait(
            asio::posix::stream_descriptor::wait_write,
            [self = shared_from_this()](const boost::system::error_code& ec) {
                self->writing = false;
                if (self->context == nullptr || ec == asio::error::operation_aborted) return;
                if (self->want_write) redisAsyncHandleWrite(self->context);
                if (self->context != nullptr && self->want_write) self->wait_write();
            }
        );
    }
    void open(const std::string& address, int port) {
        auto* c = redisAsyncConnect(address.c_str(), port);
        if (c == nullptr || c->err != 0) {
            std::string why = c != nullptr && c->errstr != nullptr ? c->errstr : "no memory";
            if (c != nullptr) redisAsyncFree(c);
            // Not from within the constructor: the owner does not hold us yet.
            asio::post(descriptor.get_executor(), [self = shared_from_this(), why = std::move(why)] {
                if (self->notify.on_closed) self->notify.on_closed(why);
            });
            return;
        }
        context = c;
        descriptor.assign(c->c.fd);
        const int on = 1;
        (void)::setsockopt(c->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        c->data = this;
        c->ev.data = this;
        c->ev.addRead = add_read;
        c->ev.delRead = del_read;
        c->ev.addWrite = add_write;
        c->ev.delWrite = del_write;
        c->ev.cleanup = cleanup;
        redisAsyncSetConnectCallback(c, connected); // begins to wait for the connection
    }

    asio::posix::stream_descriptor descriptor;
    events notify;
    on_reply heard; ///< of what is published
    redisAsyncContext* context = nullptr;
    bool want_read = false;
    bool want_write = false;
    bool reading = false;
    bool writing = false;
};

connection::connection(asio::any_io_executor ex, const std::string& address, int port, events e)
    : link_(std::make_shared<link>(std::move(ex), std::move(e))) {
    ignore_sigpipe();
    link_->open(address, port);
}

connection::~connection() {
    link_->notify = {};
    link_->heard = {};
    close();
}

void connection::close() {
    // A call from one of hiredis' own callbacks is put off by hiredis until that callback returns.
    if (link_->context != nullptr) redisAsyncFree(link_->context);
}

void connection::send(const std::vector<std::string>& arguments, on_reply done) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& a : arguments) {
        texts.push_back(a.data());
        sizes.push_back(a.size());
    }
    auto pending = std::make_unique<on_reply>(std::move(done));
    const bool taken =
        link_->context != nullptr && redisAsyncCommandArgv(
                                         link_->context, link::replied, pending.get(),
                                         static_cast<int>(arguments.size()), texts.data(), sizes.data()
                                     ) == REDIS_OK;
    if (taken)
        (void)pending.release(); // now hiredis'; comes back in replied()
    else
        (*pending)(reply{unavailable{unavailable::reason::disconnected}});
}

void connection::subscribe(const std::string& channel, on_reply heard) {
    if (link_->context == nullptr) return; // on_closed has told
    link_->heard = std::move(heard);
    const std::array<const char*, 2> texts{"SUBSCRIBE", channel.data()};
    const std::array<std::size_t, 2> sizes{9, channel.size()};
    (void)redisAsyncCommandArgv(
        link_->context, link::published, nullptr, static_cast<int>(texts.size()),
        const_cast<const char**>(texts.data()), sizes.data() // NOLINT: hiredis changes none of them
    );
}

} // namespace z360::adapter::redis
