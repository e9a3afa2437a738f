// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A spool on a disk of one megabyte, and everything that must go on when it is full.
#include "bed.hpp"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

using namespace z360;
using namespace z360::testing;
using adapter::spool::disk_queue;

namespace {

class spool_on_full_disk : public spool_bed {
  protected:
    void SetUp() override {
        spool_bed::SetUp();
        if (::mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=1m") != 0)
            GTEST_SKIP() << "a small disk cannot be mounted here: " << std::strerror(errno);
        mounted_ = true;
    }
    void TearDown() override {
        if (mounted_) EXPECT_EQ(::umount2(directory_.c_str(), MNT_DETACH), 0) << std::strerror(errno);
        spool_bed::TearDown();
    }
    // Somebody else takes all the room there is.
    void fill() const {
        std::ofstream out(directory_ / "ballast", std::ios::binary | std::ios::app);
        const std::string block(512, 'b');
        while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
        struct statvfs v{};
        ASSERT_EQ(::statvfs(directory_.c_str(), &v), 0);
        ASSERT_EQ(v.f_bavail, 0U);
    }
    // What make_room() gives back whoever took the rest.
    void put_ballast() const { std::ofstream(directory_ / "ballast") << std::string(200'000, 'b'); }
    void make_room() const { fs::remove(directory_ / "ballast"); }
    // As many events as the disk takes.
    static int store_until_refused(disk_queue& q) {
        for (int n = 0; n < 10'000; ++n) {
            try {
                q.append({event(n, std::string(3'000, 'x'))});
            } catch (const port::unavailable&) {
                return n;
            }
        }
        return -1;
    }
    bool mounted_ = false;
};

} // namespace

TEST_F(spool_on_full_disk, refuses_says_so_and_keeps_what_it_has) {
    disk_queue q(directory_, k_plenty);
    const int kept = store_until_refused(q);
    ASSERT_GT(kept, 50);
    EXPECT_FALSE(q.health().usable);
    EXPECT_NE(q.health().why.find("full"), std::string::npos) << q.health().why;
    EXPECT_EQ(q.size(), static_cast<std::size_t>(kept));
    EXPECT_EQ(q.peek(10'000).size(), static_cast<std::size_t>(kept));
}

TEST_F(spool_on_full_disk, i_03_events_are_removed_without_any_room_and_the_room_comes_back) {
    disk_queue q(directory_, k_plenty);
    ASSERT_GT(store_until_refused(q), 50);
    fill();
    while (q.size() > 0) {
        const auto before = q.size();
        q.remove(ids(q.peek(200))); // as the sweep does
        ASSERT_LT(q.size(), before);
    }
    for (int i = 0; i < 3; ++i)
        q.tend();
    EXPECT_TRUE(q.health().usable) << q.health().why; // found out without a webhook
    q.append({event(1, std::string(3'000, 'x'))});
    EXPECT_EQ(q.size(), 1U);
}

TEST_F(spool_on_full_disk, i_03_what_was_removed_on_a_full_disk_stays_removed_after_kill_9) {
    std::size_t left = 0;
    {
        auto other = holder([directory = directory_] {
            auto q = std::make_shared<disk_queue>(directory, k_plenty);
            (void)store_until_refused(*q);
            return q;
        });
    }
    fill();
    {
        auto other = holder([directory = directory_] {
            auto q = std::make_shared<disk_queue>(directory, k_plenty);
            q->tend(); // takes the file over; one of its own cannot be made
            q->remove(ids(q->peek(100)));
            return q;
        });
    }
    disk_queue q(directory_, k_plenty);
    q.tend();
    EXPECT_FALSE(q.health().usable);
    left = q.size();
    ASSERT_GT(left, 0U);
    EXPECT_EQ(q.peek(1).at(0).event_id, "e100");
}

TEST_F(spool_on_full_disk, a_start_without_room_is_mended_by_room) {
    fill();
    disk_queue q(directory_, k_plenty);
    q.tend();
    EXPECT_FALSE(q.health().usable);
    EXPECT_THROW(q.append({event(1)}), port::unavailable);
    EXPECT_TRUE(queues().empty()); // nothing half made is left
    make_room();
    q.tend();
    EXPECT_TRUE(q.health().usable);
    q.append({event(1)});
    EXPECT_EQ(q.size(), 1U);
}

TEST_F(spool_on_full_disk, events_to_be_set_aside_block_nothing_and_are_kept_when_there_is_room) {
    put_ballast();
    disk_queue q(directory_, k_plenty);
    ASSERT_GT(store_until_refused(q), 50);
    fill();
    const auto before = q.size();
    q.set_aside({"e0"}, "no database keeps it");
    EXPECT_EQ(q.size(), before - 1U);
    EXPECT_EQ(q.peek(1).at(0).event_id, "e1");
    q.tend();
    EXPECT_EQ(q.health().set_aside, 0U); // not kept yet
    EXPECT_NE(q.health().why, "");
    make_room();
    q.tend();
    EXPECT_EQ(q.health().set_aside, 1U);
    EXPECT_EQ(adapter::spool::read_dead_letters(directory_, 10).at(0).event.event_id, "e0");
    EXPECT_EQ(q.size(), before - 1U);
}
