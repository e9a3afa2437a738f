// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/vault.hpp"

#include <gtest/gtest.h>
#include <sodium.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

using namespace z360;
using namespace z360::adapter::crypto;
namespace fs = std::filesystem;

namespace {

const std::string k_password = "correct horse battery";

std::string line(const std::string& id) {
    return std::string(vault::generate_line(id).reveal());
}
std::shared_ptr<const vault> of(const std::string& text) {
    return vault::parse(secret(text), "keys");
}
secret plain() {
    return secret(k_password);
}
std::string text_of(const std::optional<secret>& s) {
    return s ? std::string(s->reveal()) : "(refused)";
}
// What opening the text complains about; "" when it does not.
std::string complaint(const std::string& text) {
    try {
        (void)of(text);
        return {};
    } catch (const std::runtime_error& e) {
        return e.what();
    }
}

class key_file : public testing::Test {
  protected:
    void SetUp() override {
        std::string path = (fs::temp_directory_path() / "z360-vault-XXXXXX").string();
        ASSERT_NE(::mkdtemp(path.data()), nullptr);
        folder_ = path;
        file_ = folder_ / "keys";
    }
    void TearDown() override { fs::remove_all(folder_); }
    void write(const std::string& text, fs::perms mode) const {
        std::ofstream(file_) << text;
        fs::permissions(file_, mode);
    }
    [[nodiscard]] std::string complaint_about_file() const {
        try {
            (void)vault::open(file_.string());
            return {};
        } catch (const std::runtime_error& e) {
            return e.what();
        }
    }
    fs::path folder_;
    fs::path file_;
};

constexpr auto k_600 = fs::perms::owner_read | fs::perms::owner_write;

} // namespace

TEST(vault, sec_02_what_is_sealed_opens_at_its_place_only) {
    const auto v = of(line("k1"));
    const auto mine = v->seal(plain(), place("sip_identities.password", 1));
    const auto yours = v->seal(secret(std::string("another")), place("sip_identities.password", 2));
    EXPECT_EQ(text_of(v->open_sealed(mine, place("sip_identities.password", 1))), k_password);
    EXPECT_EQ(text_of(v->open_sealed(yours, place("sip_identities.password", 2))), "another");
    // swapped between rows, and between columns of one row
    EXPECT_FALSE(v->open_sealed(mine, place("sip_identities.password", 2)));
    EXPECT_FALSE(v->open_sealed(yours, place("sip_identities.password", 1)));
    EXPECT_FALSE(v->open_sealed(mine, place("sip_identities.jwt", 1)));
    EXPECT_FALSE(v->open_sealed(mine, ""));
}

TEST(vault, sec_02_a_change_of_any_byte_is_noticed) {
    const auto v = of(line("k1"));
    const auto good = v->seal(plain(), "t.c/1");
    for (std::size_t i = 0; i < good.bytes.size(); ++i)
        for (const char flip : {'\x01', '\x80'}) {
            auto bad = good;
            bad.bytes[i] = static_cast<char>(bad.bytes[i] ^ flip);
            EXPECT_FALSE(v->open_sealed(bad, "t.c/1")) << i;
        }
    for (std::size_t size = 0; size < good.bytes.size(); ++size)
        EXPECT_FALSE(v->open_sealed({good.key_id, good.bytes.substr(0, size)}, "t.c/1")) << size;
    EXPECT_FALSE(v->open_sealed({good.key_id, good.bytes + "x"}, "t.c/1"));
    EXPECT_FALSE(v->open_sealed({"k2", good.bytes}, "t.c/1"));
}

TEST(vault, sec_02_a_ciphertext_says_nothing_about_its_secret) {
    const auto v = of(line("k1"));
    const auto a = v->seal(plain(), "t.c/1");
    const auto b = v->seal(plain(), "t.c/1");
    EXPECT_NE(a.bytes, b.bytes) << "a nonce was used twice";
    EXPECT_EQ(a.bytes.find(k_password), std::string::npos);
    EXPECT_EQ(text_of(v->open_sealed(v->seal(secret{}, "t.c/1"), "t.c/1")), "");
}

TEST(vault, sec_02_during_a_change_of_keys_the_old_one_opens_and_the_new_one_seals) {
    const auto old_line = line("2025");
    const auto before = of(old_line);
    const auto stored = before->seal(plain(), "t.c/1");
    const auto during = of(line("2026") + "\n" + old_line + "\n");
    EXPECT_EQ(during->current_key(), "2026");
    EXPECT_EQ(during->key_ids(), (std::vector<std::string>{"2026", "2025"}));
    const auto opened = during->open_sealed(stored, "t.c/1");
    EXPECT_EQ(text_of(opened), k_password);
    const auto again = during->seal(*opened, "t.c/1");
    EXPECT_EQ(again.key_id, "2026");
    EXPECT_FALSE(before->open_sealed(again, "t.c/1"));
    // the same bytes under the other key's name
    EXPECT_FALSE(during->open_sealed({"2026", stored.bytes}, "t.c/1"));
}

TEST(vault, sec_02_another_key_under_the_same_id_opens_nothing) {
    const auto stored = of(line("k1"))->seal(plain(), "t.c/1");
    EXPECT_FALSE(of(line("k1"))->open_sealed(stored, "t.c/1"));
}

TEST(vault, sec_02_the_id_is_part_of_what_is_sealed) {
    const auto made = line("aa");
    const auto stored = of(made)->seal(plain(), "t.c/1");
    const auto renamed = of("bb" + made.substr(2)); // the same key, another name
    EXPECT_FALSE(renamed->open_sealed({"bb", stored.bytes}, "t.c/1"));
}

TEST(vault, and_01_a_tokens_hash_is_the_same_each_time_and_differs_by_key_and_token) {
    const auto old_line = line("old");
    const auto one = of(old_line);
    const auto two = of(line("new") + "\n" + old_line);
    const auto h = one->hash(plain());
    EXPECT_EQ(h.key_id, "old");
    EXPECT_EQ(h.bytes.size(), 32U);
    EXPECT_EQ(one->hash(plain()).bytes, h.bytes);
    EXPECT_NE(one->hash(secret(k_password + "x")).bytes, h.bytes);
    const auto all = two->hashes(plain());
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].key_id, "new");
    EXPECT_EQ(all[0].bytes, two->hash(plain()).bytes);
    EXPECT_EQ(all[1].bytes, h.bytes) << "a token from before the change of keys is still found";
    EXPECT_NE(all[0].bytes, all[1].bytes);
}

TEST(vault, sec_02_sealing_and_hashing_use_keys_of_their_own) {
    // The hash must not be what anybody computes with the key of the file itself.
    const auto made = line("k1");
    const auto master = unbase64(made.substr(3), 32);
    ASSERT_TRUE(master);
    std::array<unsigned char, 32> direct{};
    crypto_generichash(
        direct.data(), direct.size(), reinterpret_cast<const unsigned char*>(k_password.data()),
        k_password.size(), master->data(), master->size()
    );
    const auto h = of(made)->hash(plain()).bytes;
    EXPECT_NE(h, std::string(direct.begin(), direct.end()));
}

TEST(vault, comments_blanks_and_line_ends_are_tolerated) {
    const auto a = line("a");
    const auto b = line("b");
    const auto v = of("# keys\r\n\r\n  " + a + "\t# since January\r\n\n" + b + "  ");
    EXPECT_EQ(v->key_ids(), (std::vector<std::string>{"a", "b"}));
}

TEST(vault, sec_02_a_bad_key_file_is_refused_by_line_with_the_fix_and_without_a_key) {
    const auto good = line("good");
    const std::string key = good.substr(5);
    struct row {
        const char* what;
        std::string text;
        std::string at;
        std::string says;
    };
    const std::vector<row> rows{
        {"empty", "", "keys:", "no key in it"},
        {"only comments", "# nothing\n\n", "keys:", "no key in it"},
        {"key alone", key + "\n", "keys:1:", "not `<id> <base64 of 32 bytes>`"},
        {"id in capitals", "# k\n" + good + "\nBig " + key, "keys:3:", "rename it"},
        {"key before id", key + " k1", "keys:1:", "rename it"},
        {"id too long", std::string(33, 'a') + " " + key, "keys:1:", "rename it"},
        {"31 bytes", "k1 " + base64(std::string(31, 'x')), "keys:1:", "not base64 of 32 bytes"},
        {"33 bytes", "k1 " + base64(std::string(33, 'x')), "keys:1:", "not base64 of 32 bytes"},
        {"cut off", "k1 " + key.substr(0, 40), "keys:1:", "not base64 of 32 bytes"},
        {"two keys in a line", good + " " + key, "keys:1:", "not base64 of 32 bytes"},
        {"url alphabet", "k1 " + std::string(42, '_') + "8=", "keys:1:", "not base64 of 32 bytes"},
        {"all zeros", "k1 " + base64(std::string(32, '\0')), "keys:1:", "all zeros"},
        {"an id twice", good + "\n" + line("good"), "keys:2:", "'good' stands above already"},
    };
    for (const auto& r : rows) {
        const auto said = complaint(r.text);
        EXPECT_NE(said.find(r.at), std::string::npos) << r.what << ": " << said;
        EXPECT_NE(said.find(r.says), std::string::npos) << r.what << ": " << said;
        EXPECT_EQ(said.find(key.substr(0, 8)), std::string::npos) << r.what << ": shows a key";
    }
    EXPECT_EQ(complaint(good), "");
}

TEST(vault, ids_of_new_keys_are_checked) {
    EXPECT_THROW((void)vault::generate_line(""), std::invalid_argument);
    EXPECT_THROW((void)vault::generate_line("a b"), std::invalid_argument);
    EXPECT_THROW((void)vault::generate_line("a\n"), std::invalid_argument);
    EXPECT_NE(line("k"), line("k"));
}

TEST_F(key_file, sec_02_a_file_that_others_may_touch_is_refused) {
    using p = fs::perms;
    for (const auto bad :
         {p::others_read, p::others_write, p::others_exec, p::group_write, p::group_write | p::group_read}) {
        write(line("k1"), k_600 | bad);
        const auto said = complaint_about_file();
        EXPECT_NE(said.find("chmod 600 " + file_.string()), std::string::npos) << said;
    }
    for (const auto fine : {p::none, p::group_read}) {
        write(line("k1"), k_600 | fine);
        EXPECT_EQ(complaint_about_file(), "");
    }
}

TEST_F(key_file, sec_02_what_is_no_file_of_keys_is_refused_with_its_name) {
    const auto says = [this](const std::string& what) {
        const auto said = complaint_about_file();
        EXPECT_NE(said.find(file_.string()), std::string::npos) << said;
        EXPECT_NE(said.find(what), std::string::npos) << said;
    };
    says("no such file; make it with");
    write(std::string(64 * 1024 + 1, '#'), k_600);
    says("larger than 64 KiB");
    write("junk\n", k_600);
    says(file_.string() + ":1: not `<id>");
    fs::remove(file_);
    fs::create_directory(file_);
    says("not a regular file");
}

TEST(seal_to, sec_03_only_the_devices_key_opens_it) {
    ensure_sodium();
    std::array<unsigned char, crypto_box_PUBLICKEYBYTES> open{};
    std::array<unsigned char, crypto_box_SECRETKEYBYTES> closed{};
    crypto_box_keypair(open.data(), closed.data());
    const std::string key(open.begin(), open.end());
    const auto box = seal_to(key, plain());
    ASSERT_TRUE(box);
    EXPECT_EQ(box->size(), k_password.size() + crypto_box_SEALBYTES);
    std::string out(k_password.size(), '\0');
    const auto opens = [&](const auto& secret_key) {
        return crypto_box_seal_open(
                   reinterpret_cast<unsigned char*>(out.data()),
                   reinterpret_cast<const unsigned char*>(box->data()), box->size(), open.data(),
                   secret_key.data()
               ) == 0;
    };
    EXPECT_TRUE(opens(closed));
    EXPECT_EQ(out, k_password);
    closed[0] ^= 8;
    EXPECT_FALSE(opens(closed));
}

TEST(seal_to, sec_03_unusable_keys_are_refused) {
    EXPECT_FALSE(seal_to("", plain()));
    EXPECT_FALSE(seal_to(std::string(31, 'x'), plain()));
    EXPECT_FALSE(seal_to(std::string(33, 'x'), plain()));
    EXPECT_FALSE(seal_to(std::string(32, '\0'), plain())) << "a box for the zero point is open to everybody";
}
