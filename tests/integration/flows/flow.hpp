// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "support/rig.hpp"

#include <gtest/gtest.h>

namespace z360::testing {

/// Base of every flow: skips visibly without the services; at the end nothing may be wrong at the carrier.
class flow : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!rig::available())
            GTEST_SKIP(
            ) << "Z360_TEST_DATABASE_URL or Z360_TEST_REDIS_URL is not set; scripts/test sets them";
    }
    void TearDown() override {
        if (rig_) EXPECT_EQ(rig_->complaints(), "");
    }
    rig& set_up(rig_options o = {}) {
        rig_ = std::make_unique<rig>(std::move(o));
        return *rig_;
    }

  private:
    std::unique_ptr<rig> rig_;
};

} // namespace z360::testing
