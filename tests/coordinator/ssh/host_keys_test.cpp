#include "coordinator/ssh/host_keys.hpp"
#include "tests/coordinator/ssh/sshd.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace xcopy {

namespace {

std::string blob(char variant, const std::string& type = "ssh-ed25519")
{
    return std::string("\0\0\0", 3) + static_cast<char>(type.size()) + type + std::string("\0\0\0\x20", 4) +
           std::string(32, variant);
}

} // namespace

TEST(HostKeys, TheFirstKeyIsPinnedAndAnotherIsRefusedWithBothFingerprints)
{
    HostKeys keys;
    const auto first = keys.judge("esx1", 22, blob('a'));
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->is_new);
    EXPECT_FALSE(keys.judge("esx1", 22, blob('a'))->is_new);
    const auto other = keys.judge("esx1", 22, blob('b'));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::denied);
    EXPECT_EQ(other.error().reason, "host_key_changed");
    EXPECT_NE(other.error().message.find(fingerprint_of(blob('a'))), std::string::npos);
    EXPECT_NE(other.error().message.find(fingerprint_of(blob('b'))), std::string::npos);
    EXPECT_TRUE(keys.judge("esx2", 22, blob('b'))); // another host
}

TEST(HostKeys, WhatWasAcceptedCountsInTheNextRun)
{
    HostKeys first;
    ASSERT_TRUE(first.judge("esx1", 2222, blob('a')));
    HostKeys second(HostKeys::Unknown::refuse);
    ASSERT_TRUE(second.add_known(first.accepted()));
    EXPECT_TRUE(second.judge("esx1", 2222, blob('a')));
    EXPECT_EQ(second.judge("esx1", 2222, blob('b')).error().reason, "host_key_changed");
    EXPECT_EQ(second.judge("esx9", 22, blob('a')).error().reason, "host_key_unknown");
}

TEST(HostKeys, AKeyOfAnotherTypeIsNoFirstKey)
{
    HostKeys keys;
    ASSERT_TRUE(keys.judge("esx1", 22, blob('a')));
    const auto other = keys.judge("esx1", 22, blob('a', "ecdsa-sha2-nistp256"));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().reason, "host_key_changed");
    EXPECT_EQ(keys.known_types("esx1", 22), std::vector<std::string>{"ssh-ed25519"});
    EXPECT_TRUE(keys.known_types("esx2", 22).empty());
}

TEST(HostKeys, APinIsHeldToAndKnownHostsGoBeforeIt)
{
    const auto text = [](char variant) {
        HostKeys keys;
        return keys.judge("esx1", 22, blob(variant))->text;
    };
    HostKeys keys;
    keys.pin("esx1", 22, text('a'));
    EXPECT_EQ(keys.known_types("esx1", 22), std::vector<std::string>{"ssh-ed25519"});
    EXPECT_FALSE(keys.judge("esx1", 22, blob('a'))->is_new);
    const auto other = keys.judge("esx1", 22, blob('b'));
    EXPECT_EQ(other.error().reason, "host_key_changed");
    EXPECT_NE(other.error().message.find(fingerprint_of(blob('a'))), std::string::npos);
    EXPECT_NE(other.error().message.find(fingerprint_of(blob('b'))), std::string::npos);
    EXPECT_TRUE(keys.judge("esx1", 2222, blob('b'))) << "another server";

    keys.pin("esx1", 22, text('b')); // of another job: one key at a time
    EXPECT_TRUE(keys.judge("esx1", 22, blob('b')));
    EXPECT_FALSE(keys.judge("esx1", 22, blob('a')));

    ASSERT_TRUE(keys.add_known("esx1 " + text('c'))); // an administrator: it was reinstalled
    const auto vouched = keys.judge("esx1", 22, blob('c'));
    ASSERT_TRUE(vouched);
    EXPECT_TRUE(vouched->is_vouched_for);
    EXPECT_FALSE(keys.judge("esx1", 22, blob('b'))) << "the pin counts no longer";

    HostKeys strict(HostKeys::Unknown::refuse);
    strict.pin("esx1", 22, text('a'));
    EXPECT_EQ(strict.judge("esx1", 22, blob('a')).error().reason, "host_key_unknown") << "nobody vouched for it";
}

TEST(HostKeys, WhoWantsToKnowHearsOfAnAcceptedKeyOnce)
{
    HostKeys keys;
    std::vector<std::string> heard;
    keys.on_accepted(
        [&](const std::string& address, const HostKey& key) { heard.push_back(address + key.fingerprint); });
    ASSERT_TRUE(keys.judge("esx1", 22, blob('a')));
    ASSERT_TRUE(keys.judge("esx1", 22, blob('a')));
    EXPECT_EQ(heard, std::vector<std::string>{"esx1" + fingerprint_of(blob('a'))});
}

TEST(HostKeys, HashedLinesOfSshKeygenAreKnown)
{
    HostKeys plain;
    ASSERT_TRUE(plain.judge("esx1", 22, blob('a')));
    const auto folder = test::new_folder("xcopy-known");
    std::ofstream(folder / "known") << plain.accepted();
    ASSERT_EQ(e2e::run({"/usr/bin/ssh-keygen", "-H", "-f", folder / "known"}, {}, folder).exit, 0);
    const auto hashed = test::contents_of(folder / "known");
    std::filesystem::remove_all(folder);
    ASSERT_EQ(hashed.find("esx1"), std::string::npos);
    HostKeys keys(HostKeys::Unknown::refuse);
    ASSERT_TRUE(keys.add_known(hashed));
    EXPECT_TRUE(keys.judge("esx1", 22, blob('a')));
}

TEST(HostKeys, LinesThatCannotBeReadAreAnError)
{
    HostKeys keys;
    EXPECT_TRUE(keys.add_known("# comment\n\n"));
    EXPECT_FALSE(keys.add_known("esx1\n"));
    EXPECT_FALSE(keys.add_known("@revoked esx1 ssh-ed25519 AAAA\n"));
}

} // namespace xcopy
