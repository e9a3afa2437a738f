// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Tokens are looked up while the decision that needs them is being stored.
#include "adapter/push/early_addresses.hpp"
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

namespace {

struct early_bed {
    asio::io_context io;
    known_addresses in;
    sut::early_addresses early{io.get_executor(), in};

    early_bed() { in.of[1].uid = "ada's phone"; }
    ~early_bed() { run(early.join()); }
    static port::push_addresses::question of(std::int64_t device) {
        return {{device}, {7}, {}, "+15550100001"};
    }

    void run(awaitable<void> what) {
        std::exception_ptr error;
        asio::co_spawn(io, std::move(what), [&error](std::exception_ptr e) { error = std::move(e); });
        io.restart();
        io.run();
        if (error) std::rethrow_exception(error);
    }
    awaitable<void> store(std::optional<port::push_address>* out, std::int64_t device) {
        *out = co_await early.find(of(device));
    }
    std::optional<port::push_address> found(std::int64_t device) {
        std::optional<port::push_address> out;
        run(store(&out, device));
        return out;
    }
};

} // namespace

TEST(early_addresses, mob_07_what_was_expected_is_not_asked_for_again) {
    early_bed b;
    b.early.expect(early_bed::of(1));
    b.early.expect(early_bed::of(1));
    b.early.expect(early_bed::of(2));
    EXPECT_EQ(b.found(1)->uid, "ada's phone");
    EXPECT_EQ(b.found(2), std::nullopt);
    EXPECT_EQ(b.in.asked, 2);
    b.in.of[1].uid = "another";
    EXPECT_EQ(b.found(1)->uid, "another") << "the next one is asked for anew";
    EXPECT_EQ(b.in.asked, 3);
}

TEST(early_addresses, be_44_what_could_not_be_had_early_is_told_and_asked_for_again) {
    early_bed b;
    b.in.away = 1;
    b.early.expect(early_bed::of(1));
    EXPECT_THROW((void)b.found(1), port::unavailable);
    EXPECT_EQ(b.found(1)->uid, "ada's phone");
}

TEST(early_addresses, they_are_bounded_and_whoever_is_not_expected_is_asked_for) {
    early_bed b;
    for (std::int64_t i = 1; i <= 3'000; ++i)
        b.early.expect(early_bed::of(i));
    EXPECT_EQ(b.found(2'999), std::nullopt);
    EXPECT_EQ(b.in.asked, 2'001);
}
