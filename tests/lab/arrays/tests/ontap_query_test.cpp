#include "tests/lab/arrays/ontap/pattern.hpp"
#include "tests/lab/arrays/tests/ontap_fixture.hpp"

namespace lab::ontap {

TEST(Patterns, FollowOntapsQueryLanguage)
{
    struct Case {
        std::string pattern, value;
        bool match;
    };
    for (const auto& [pattern, value, match] : std::vector<Case>{
             {"lun0", "lun0", true},
             {"lun0", "lun01", false},
             {"lun*", "lun01", true},
             {"*un*1", "lun01", true},
             {"*un*2", "lun01", false},
             {"*", "", true},
             {"a|b", "b", true},
             {"a,b", "b", true},
             {"a|b", "c", false},
             {"!a", "b", true},
             {"!a", "a", false},
             {"!a*", "abc", false},
             {"\"a|b\"", "a|b", true},
             {"\"a|b\"", "a", false},
             {"{a*}", "a*", true},
             {"{a*}", "ab", false},
             {"\"!a\"", "!a", true},
             {"\"!a\"", "b", false},
             {"<5", "4", true},
             {"<5", "5", false},
             {"<=5", "5", true},
             {">5", "6", true},
             {"1..5", "3", true},
             {"1..5", "6", false},
             {"819TI$X101LA", "819TI$X101LA", true},
             {"819ti$x101la", "819TI$X101LA", false},
             {"8|!a", "b", true},
             {"", "", true},
             {"", "a", false},
         })
        EXPECT_EQ(matches(pattern, value), match) << pattern << " " << value;
}

TEST(Names, SerialsAreTwelveLettersUniqueAndCaseMatters)
{
    Names names("ontap-a"), same("ontap-a"), other("ontap-b");
    std::set<std::string> seen, folded;
    for (int i = 0; i < 2000; ++i) {
        const auto serial = names.next_serial();
        EXPECT_EQ(serial, same.next_serial());
        EXPECT_EQ(serial.size(), 12U);
        EXPECT_EQ(serial_of(naa_of(serial)), serial);
        EXPECT_TRUE(seen.insert(serial).second) << serial;
        EXPECT_TRUE(seen.insert(other.next_serial()).second);
        folded.insert(upper(serial));
    }
    EXPECT_EQ(folded.size(), 1000U);
    EXPECT_NE(names.next_uuid(), names.next_uuid());
}

TEST(Names, NaaIsTheOuiAndTheHexOfTheSerial)
{
    EXPECT_EQ(naa_of("819TI$X101LA"), "naa.600a0980383139544924583130314c41");
    EXPECT_EQ(naa_of("ZlAFA?QMnBdX"), "naa.600a09805a6c4146413f514d6e426458");
    EXPECT_FALSE(serial_of("naa.600a09805a6c4146413f514d6e4264"));
    EXPECT_FALSE(serial_of("naa.60002ac0383139544924583130314c41"));
    EXPECT_FALSE(serial_of("naa.600a0980383139544924583130314cxx"));
}

TEST_F(OntapTest, AListingShowsIdentitiesUnlessFieldsAreNamed)
{
    auto lun = new_lun("pvc-1");
    map(lun, new_igroup("xcopy-esx1", {esx1}), 9);
    auto keys = [&](const std::string& fields) {
        auto record =
            ask("GET", "/api/storage/luns" + fields, nullptr, {{"accept", "application/json"}}).body["records"][0];
        std::string names;
        for (const auto& [name, value] : record.items())
            names += name + " ";
        return names;
    };
    EXPECT_EQ(keys(""), "name svm uuid ");
    EXPECT_EQ(keys("?fields=serial_number,space.size"), "name serial_number space svm uuid ");
    EXPECT_EQ(keys("?fields=lun_maps.igroup.name"), "lun_maps name svm uuid ");
    EXPECT_EQ(keys("?fields=*").find("lun_maps"), std::string::npos);
    EXPECT_NE(keys("?fields=*").find("serial_number_hex"), std::string::npos);
    EXPECT_NE(keys("?fields=**").find("lun_maps"), std::string::npos);

    auto record = ask("GET", "/api/storage/luns?fields=status,lun_maps.igroup.name,lun_maps.logical_unit_number")
                      .body["records"][0];
    EXPECT_EQ(record["status"], (json{{"state", "online"}})); // "mapped" costs and was not named
    EXPECT_EQ(record["lun_maps"], json({{{"igroup", {{"name", "xcopy-esx1"}}}, {"logical_unit_number", 9}}}));
    EXPECT_TRUE(record["_links"]["self"].contains("href"));
}

TEST_F(OntapTest, LunsAreFoundByNameUuidSerialAndSvm)
{
    auto one = new_lun("pvc-1"), two = new_lun("pvc-2"), far = new_lun("pvc-1", "san", "svm2");
    EXPECT_EQ(one["path"], far["path"]);
    const auto base = std::string("/api/storage/luns?fields=serial_number&");
    auto count = [&](const std::string& query) { return ask("GET", base + query).body["num_records"].get<int>(); };
    EXPECT_EQ(count("name=" + one["path"].get<std::string>()), 2);
    EXPECT_EQ(count("svm.name=svm1&name=" + one["path"].get<std::string>()), 1);
    EXPECT_EQ(count("svm.name=svm1&name=/vol/trident_pvc_1/*"), 1);
    EXPECT_EQ(count("uuid=" + two["uuid"].get<std::string>()), 1);
    EXPECT_EQ(count("serial_number_hex=" + two["serial_hex"].get<std::string>()), 1);
    EXPECT_EQ(count("serial_number=" + percent_encode("\"" + two["serial"].get<std::string>() + "\"")), 1);
    EXPECT_EQ(count("name=/vol/none/lun0"), 0);
    EXPECT_EQ(ask("GET", base + "name=/vol/none/lun0").status, 200);
    EXPECT_EQ(ask("GET", base + "colour=red").status, 400);
    EXPECT_EQ(ask("GET", base + "colour=red&ignore_unknown_fields=true").status, 200);
}

TEST_F(OntapTest, SerialsThatDifferByCaseBelongToDifferentLuns)
{
    auto one = new_lun("pvc-1"), two = new_lun("pvc-2");
    EXPECT_NE(one["serial"], two["serial"]);
    EXPECT_EQ(upper(one["serial"].get<std::string>()), upper(two["serial"].get<std::string>()));
    EXPECT_NE(one["naa"], two["naa"]);
}

TEST_F(OntapTest, LunByUuidIsFoundOrCode4)
{
    auto lun = new_lun("pvc-1");
    auto found = ask("GET", "/api/storage/luns/" + lun["uuid"].get<std::string>());
    EXPECT_EQ(found.body["serial_number"], lun["serial"]);
    EXPECT_EQ(found.body["space"]["size"], 1 << 20);
    EXPECT_FALSE(found.body.contains("lun_maps"));
    auto missing = ask("GET", "/api/storage/luns/none");
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(missing.code(), "4");
}

TEST_F(OntapTest, FieldsUnknownToTheReleaseAreRefusedUnlessIgnored)
{
    new_lun("pvc-1");
    set({{"serial_hex", false}});
    const std::string target = "/api/storage/luns?fields=serial_number,serial_number_hex";
    EXPECT_EQ(ask("GET", target).status, 400);
    auto ignored = ask("GET", target + "&ignore_unknown_fields=true");
    EXPECT_EQ(ignored.status, 200);
    EXPECT_FALSE(ignored.body["records"][0].contains("serial_number_hex"));
    set({{"reject_unknown_fields", false}});
    EXPECT_EQ(ask("GET", target).status, 200);
}

TEST_F(OntapTest, PagesFollowTheNextLinkToTheEnd)
{
    for (int i = 0; i < 5; ++i)
        new_lun("pvc-" + std::to_string(i));
    for (const bool short_page : {false, true}) {
        set({{"short_page", short_page}});
        std::vector<std::string> names;
        int pages = 0;
        std::optional<std::string> target = "/api/storage/luns?max_records=2&name=" + percent_encode("/vol/*");
        while (target && pages < 20) {
            auto body = ask("GET", *target, nullptr, {{"accept", "application/json"}}).body;
            EXPECT_EQ(body["num_records"], body["records"].size());
            EXPECT_LE(body["records"].size(), 2U);
            for (const auto& record : body["records"])
                names.push_back(record["name"]);
            target = body.contains("_links") ? std::optional(body["_links"]["next"]["href"]) : std::nullopt;
            ++pages;
        }
        EXPECT_EQ(names.size(), 5U);
        EXPECT_EQ(std::set(names.begin(), names.end()).size(), 5U);
        EXPECT_EQ(pages, short_page ? 6 : 3); // an empty page comes first
    }
}

TEST_F(OntapTest, AListingCanBeOrderedByAField)
{
    for (const auto* name : {"b", "c", "a"})
        new_lun(name);
    auto names = [&](const std::string& query) {
        std::string all;
        const auto body = ask("GET", "/api/storage/luns?" + query).body;
        for (const auto& record : body["records"])
            all += record["name"].get<std::string>().substr(13, 1);
        return all;
    };
    EXPECT_EQ(names(""), "bca");
    EXPECT_EQ(names("order_by=name"), "abc");
    EXPECT_EQ(names("order_by=name%20desc&max_records=2"), "cb");
}

TEST_F(OntapTest, ANewLunMayBeInvisibleForSomeReadings)
{
    set({{"delayed_visibility", 2}});
    new_lun("pvc-1");
    EXPECT_EQ(ask("GET", "/api/storage/luns").body["num_records"], 0);
    EXPECT_EQ(ask("GET", "/api/storage/luns").body["num_records"], 0);
    EXPECT_EQ(ask("GET", "/api/storage/luns").body["num_records"], 1);
}

TEST_F(OntapTest, TheFirstListingMayLackTheSerialNumber)
{
    auto lun = new_lun("pvc-1");
    set({{"missing_serial_first_read", true}});
    const std::string target = "/api/storage/luns?fields=serial_number,space.size";
    EXPECT_FALSE(ask("GET", target).body["records"][0].contains("serial_number"));
    EXPECT_EQ(ask("GET", target).body["records"][0]["serial_number"], lun["serial"]);
}

TEST_F(OntapTest, CopyOfALunIsAJobThatMovesTheBytes)
{
    auto lun = new_lun("pvc-1");
    {
        std::ofstream out(lun["file"].get<std::string>(), std::ios::in | std::ios::out);
        out << "precious";
    }
    const json order = {
        {"svm", {{"name", "svm1"}}}, {"name", "/vol/copies/lun0"}, {"copy", {{"source", {{"name", lun["path"]}}}}}};
    auto started = ask("POST", "/api/storage/luns", order);
    ASSERT_EQ(started.status, 202) << started.body;
    const auto job = started.body["job"]["_links"]["self"]["href"].get<std::string>();
    EXPECT_EQ(ask("GET", job).body["state"], "running");
    EXPECT_EQ(ask("GET", job).body["state"], "success");
    auto made =
        ask("GET", "/api/storage/luns?name=/vol/copies/lun0&fields=copy.source.progress,space").body["records"][0];
    EXPECT_EQ(made["copy"]["source"]["progress"]["state"], "complete");
    EXPECT_EQ(made["space"]["size"], 1 << 20);
    std::ifstream in(directory / "volumes" / (made["uuid"].get<std::string>() + ".img"));
    std::string content(8, '\0');
    in.read(content.data(), 8);
    EXPECT_EQ(content, "precious");

    EXPECT_EQ(ask("POST", "/api/storage/luns", order).code(), "1254196");
    set({{"most_copies", 0}});
    EXPECT_EQ(ask("POST", "/api/storage/luns", order).code(), "7018877");
}

TEST_F(OntapTest, AFailedCopyHasAnIntegerCode)
{
    auto lun = new_lun("pvc-1");
    set({{"copy_fails", true}, {"copy_polls", 1}});
    auto started = ask("POST", "/api/storage/luns",
                       {{"svm.name", "svm1"}, {"name", "copy"}, {"copy", {{"source", {{"uuid", lun["uuid"]}}}}}});
    auto job = ask("GET", "/api/cluster/jobs/" + started.body["job"]["uuid"].get<std::string>()).body;
    EXPECT_EQ(job["state"], "failure");
    EXPECT_TRUE(job["code"].is_number_integer());
    EXPECT_EQ(ask("GET", "/api/cluster/jobs/none").status, 404);
}

} // namespace lab::ontap
