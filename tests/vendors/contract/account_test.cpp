// Configuration, sign-in, sessions, and how many requests a disk costs.
#include "tests/vendors/contract/contract.hpp"
#include "vendors/registry.hpp"

#include <algorithm>
#include <thread>

namespace xcopy::contract {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ContractAccount : public Contract {};

int opened(Rig& rig)
{
    return rig.control({{"verb", "sessions"}})["opened"];
}

TEST_P(ContractAccount, EveryMissingKeyIsNamedAtOnce)
{
    Rig rig(subject());
    auto config = rig.config();
    config.hostname = "";
    config.username = "";
    config.password = Secret();
    config.token = Secret();
    for (const auto& key : subject().required_keys)
        config.extra.erase(key);
    rig.wire().forget();
    const auto made = make_array(config, rig.observed(), rig.time());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::bad_request);
    EXPECT_THAT(made.error().message, HasSubstr("STORAGE_HOSTNAME"));
    for (const auto& key : subject().required_keys)
        EXPECT_THAT(made.error().message, HasSubstr(key));
    EXPECT_THAT(made.error().remedy, HasSubstr("docs/arrays/" + subject().vendor + ".md"));
    EXPECT_EQ(rig.wire().count(), 0);
}

TEST_P(ContractAccount, EverySpellingOfTheHostNameWorks)
{
    Rig rig(subject());
    for (const std::string spelled :
         {"array.example.com", "https://array.example.com", "https://array.example.com/", "HTTPS://Array.example.com",
          "array.example.com:8443", "https://array.example.com:8443/", "https://array.example.com/api/rest",
          " array.example.com ", "10.0.0.5", "https://10.0.0.5:443", "[2001:db8::5]",
          "https://[2001:db8::5]:8443/x/"}) {
        auto config = rig.config();
        config.hostname = spelled;
        const auto made = make_array(config, rig.observed(), rig.time());
        ASSERT_TRUE(made) << spelled << ": " << made.error().message;
        rig.wire().forget();
        const auto info = (*made)->info(rig.call);
        EXPECT_TRUE(info) << spelled << ": " << info.error().message;
        const std::string name = spelled.find("10.0") != std::string::npos  ? "10.0.0.5"
                                 : spelled.find("db8") != std::string::npos ? "[2001:db8::5]"
                                                                            : "array.example.com";
        for (const auto& line : rig.wire().sent()) {
            EXPECT_NE(line.find(" https://" + name), std::string::npos) << spelled << ": " << line;
            if (spelled.find("8443") != std::string::npos)
                EXPECT_NE(line.find(name + ":8443/"), std::string::npos) << spelled << ": " << line;
        }
    }
}

TEST_P(ContractAccount, WrongCredentialsAreTriedOnce)
{
    Rig rig(subject());
    auto config = rig.config();
    config.username = config.token.empty() ? config.username : "";
    (config.token.empty() ? config.password : config.token) = Secret("wrong-4711");
    const auto made = make_array(config, rig.observed(), rig.time());
    ASSERT_TRUE(made) << made.error().message;
    rig.wire().forget();
    const auto found = (*made)->find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::denied) << found.error().message;
    expect_usable(rig, found.error(), "wrong credentials");
    EXPECT_THAT(found.error().remedy, HasSubstr("STORAGE_"));
    const auto statuses = rig.wire().statuses();
    EXPECT_EQ(std::ranges::count_if(statuses, [](int status) { return status >= 400; }), 1)
        << "an account is locked after a few of these";
    if (rig.control({{"verb", "sessions"}})["signs_in"] == false)
        return; // Basic with every request: each is judged by itself
    const int asked = rig.wire().count();
    EXPECT_FALSE((*made)->find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0])));
    EXPECT_EQ(rig.wire().count(), asked) << "the next disk does not try again";
}

TEST_P(ContractAccount, ASessionThatEndsBeforeAnyRequestIsOpenedAgain)
{
    Rig plain(subject());
    plain.wire().forget();
    ASSERT_FALSE(plain.run_disk().error);
    const int requests = plain.wire().count();
    for (int at = 1; at <= requests; ++at) {
        Rig rig(subject());
        const auto foreign = rig.foreign(rig.volume["naa"]);
        rig.wire().forget();
        bool done = false;
        rig.wire().before = [&](int number) {
            if (number == at && !std::exchange(done, true))
                rig.lab().handle_control({{"verb", "sessions.expire"}});
        };
        const auto run = rig.run_disk();
        rig.wire().before = nullptr;
        EXPECT_FALSE(run.error) << at << ": " << run.step << ": " << run.error->message;
        expect_nothing_lost(rig, run, foreign, "session ended before request " + std::to_string(at));
    }
}

TEST_P(ContractAccount, TwentyDisksCostOneSignIn)
{
    Rig rig(subject());
    std::vector<VolumeHandle> handles;
    for (int i = 0; i < 20; ++i)
        handles.push_back(Rig::handle_in(
            rig.make_volume("pvc-" + std::to_string(33333300 + i) + "-7a41-4c1b-9a2e-1b3c4d5e6f70")["handles"][0]));
    rig.new_driver();
    const int before = opened(rig);
    std::vector<std::jthread> threads;
    std::vector<std::optional<Error>> errors(handles.size());
    for (std::size_t i = 0; i < handles.size(); ++i)
        threads.emplace_back([&, i] {
            if (const auto found = rig.driver().find_volume(rig.call, handles[i]); !found)
                errors[i] = found.error();
        });
    threads.clear();
    for (const auto& error : errors)
        EXPECT_FALSE(error) << error->message;
    for (const auto& handle : handles) {
        const auto run = rig.run_disk(handle);
        EXPECT_FALSE(run.error) << run.step << ": " << run.error->message;
    }
    EXPECT_LE(opened(rig) - before, 1);
}

TEST_P(ContractAccount, NoSessionIsLeftOpen)
{
    if (!subject().signs_out)
        return;
    Rig rig(subject());
    ASSERT_FALSE(rig.run_disk().error);
    rig.new_driver(); // the first one is gone
    EXPECT_EQ(rig.control({{"verb", "sessions"}})["open"], 0);
}

TEST_P(ContractAccount, RequestsPerDiskAreCounted)
{
    Rig rig(subject());
    const auto handle = Rig::handle_in(rig.volume["handles"][0]);
    ASSERT_FALSE(rig.run_disk().error); // the host's object exists now
    rig.new_driver();
    const auto counted = [&](auto verb) {
        rig.wire().forget();
        EXPECT_TRUE(verb());
        return rig.wire().count();
    };
    Requests now;
    const int first = counted([&] { return bool(rig.driver().find_volume(rig.call, handle)); });
    now.find = counted([&] { return bool(rig.driver().find_volume(rig.call, handle)); });
    now.sign_in = first - now.find;
    const auto volume = *rig.driver().find_volume(rig.call, handle);
    now.ensure = counted([&] { return bool(rig.ensure()); });
    const auto host = *rig.ensure();
    now.mappings = counted([&] { return bool(rig.driver().mappings_of(rig.call, volume)); });
    if (auto* numbers = rig.driver().lun_numbers())
        now.used = counted([&] { return bool(numbers->used_by(rig.call, host)); });
    now.map = counted([&] { return bool(rig.driver().map(rig.call, volume, host, 5)); });
    now.unmap = counted([&] { return bool(rig.driver().unmap(rig.call, volume, host)); });

    const auto& expected = subject().requests;
    EXPECT_EQ(now.sign_in, expected.sign_in) << "sign-in, and what is learned once";
    EXPECT_EQ(now.find, expected.find) << "find";
    EXPECT_EQ(now.ensure, expected.ensure) << "ensure";
    EXPECT_EQ(now.mappings, expected.mappings) << "mappings";
    EXPECT_EQ(now.used, expected.used) << "LUN numbers";
    EXPECT_EQ(now.map, expected.map) << "map";
    EXPECT_EQ(now.unmap, expected.unmap) << "unmap";
    std::printf(
        "[ requests ] %-15s sign-in %d, find %d, host %d, mappings %d, numbers %d, map %d, unmap %d: %d a disk\n",
        subject().vendor.c_str(), now.sign_in, now.find, now.ensure, now.mappings, now.used, now.map, now.unmap,
        now.find + now.ensure + now.mappings + now.used + now.map + now.unmap);
}

INSTANTIATE_TEST_SUITE_P(Arrays, ContractAccount, testing::ValuesIn(subjects()), subject_name);

} // namespace
} // namespace xcopy::contract
