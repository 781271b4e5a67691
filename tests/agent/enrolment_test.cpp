// An enrolment may be cut off anywhere, refused for many reasons, and done twice.
#include "agent/enrolment.hpp"
#include "agent/esxi/files.hpp"
#include "agent/http/tls.hpp"
#include "protocol/pki/issue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace xcopy::test {

namespace {

using std::chrono::hours;
using testing::HasSubstr;
constexpr const char* uuid = "5f3a0000-1111-2222-3333-444455556666";

struct Authority {
    pki::Key key = *pki::new_key();
    pki::Certificate certificate =
        *pki::issue({.kind = pki::Kind::authority, .common_name = "test CA", .lasts = hours(24 * 365)}, key, nullptr);
    std::string pem = *pki::pem_of(certificate.get());

    std::string sign(const std::string& request, pki::Order order = {.lasts = hours(24 * 90)}) const
    {
        const auto read = pki::read_request(request);
        order.common_name = read->wish.common_name;
        if (order.names.empty())
            order.names = read->wish.names;
        const pki::Issuer issuer{certificate.get(), &key};
        return *pki::pem_of(pki::issue(order, read->key, &issuer)->get());
    }
};

class EnrolmentOnDisk : public testing::Test {
protected:
    EnrolmentOnDisk()
    {
        char name[] = "/tmp/xcopy-enrolment-test-XXXXXX";
        folder = ::mkdtemp(name);
        config.certificate = folder / "agent.crt";
        config.key = folder / "agent.key";
        config.ca = folder / "ca.crt";
        files = enrolment_files(config);
        for (const auto& placeholder : {files.certificate, files.key, files.next_key, files.ca})
            std::ofstream(placeholder).flush(); // as the VIB brings them
    }
    ~EnrolmentOnDisk() override { std::filesystem::remove_all(folder); }

    std::string request(Renewal renewal = Renewal::same_key) const
    {
        const auto choice = choose_key(*read_enrolment(files), files, renewal);
        for (const auto& step : choice->steps)
            EXPECT_TRUE(perform(step));
        return *pki::request_pem(choice->key, wish_for(uuid, "esx1.lab", {}, {"192.0.2.7"}));
    }

    Result<std::vector<Step>> plan(const std::string& chain, const std::string& authorities) const
    {
        auto offer = read_offer(chain, authorities);
        if (!offer)
            return offer.error();
        return plan_install(*offer, *read_enrolment(files), files, uuid);
    }

    void enrol(const std::string& chain, const std::string& authorities) const
    {
        const auto steps = plan(chain, authorities);
        ASSERT_TRUE(steps) << steps.error().message;
        for (const auto& step : *steps)
            ASSERT_TRUE(perform(step));
    }

    // The serial number that an agent started now would show; empty when it would refuse everybody.
    std::string served() const
    {
        http::Certificates certificates({config.certificate, config.key, config.ca, next_key_file(config)});
        if (!certificates.load())
            return "";
        return pki::about(::SSL_CTX_get0_certificate(certificates.context()->native_handle())).serial;
    }

    static std::string serial(const std::string& pem)
    {
        return pki::about(pki::certificates_from_pem(pem)->front().get()).serial;
    }

    std::filesystem::path folder;
    Config config;
    EnrolmentFiles files;
    Authority ca;
};

} // namespace

TEST_F(EnrolmentOnDisk, TheFirstKeyIsMadeOnceAndOnlyForRoot)
{
    const auto first = request();
    const auto second = request();
    EXPECT_TRUE(::EVP_PKEY_eq(pki::read_request(first)->key.get(), pki::read_request(second)->key.get()) == 1);
    struct stat info {};
    ASSERT_EQ(::stat(files.key.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(EnrolmentOnDisk, FilesAreWrittenInPlaceAndKeepTheirStickyBit)
{
    ASSERT_EQ(::chmod(files.key.c_str(), 01644), 0);
    struct stat before {};
    ::stat(files.key.c_str(), &before);
    enrol(ca.sign(request()), ca.pem);
    struct stat after {};
    ::stat(files.key.c_str(), &after);
    EXPECT_EQ(before.st_ino, after.st_ino);
    EXPECT_EQ(after.st_mode & 07777, 01600u) << "sticky stays, readers go";
}

TEST_F(EnrolmentOnDisk, WhicheverStepIsTheLastTheHostServesOldOrNewAndAnotherRunFinishes)
{
    enrol(ca.sign(request()), ca.pem);
    const auto old_serial = served();
    ASSERT_FALSE(old_serial.empty());
    const auto answer = ca.sign(request(Renewal::new_key));
    EXPECT_EQ(served(), old_serial) << "a waiting key changes nothing";
    const auto before = *read_enrolment(files);
    const auto all = plan(answer, ca.pem);
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 4u);
    for (std::size_t last = 0; last <= all->size(); ++last) {
        EXPECT_TRUE(overwrite_file(files.certificate, before.certificate, Mode::as_it_is));
        EXPECT_TRUE(overwrite_file(files.key, before.key.view(), Mode::secret));
        EXPECT_TRUE(overwrite_file(files.next_key, before.next_key.view(), Mode::secret));
        for (std::size_t i = 0; i < last; ++i)
            ASSERT_TRUE(perform((*all)[i])); // here it dies
        EXPECT_EQ(served(), last < 2 ? old_serial : serial(answer)) << "died after " << last << " steps";
        const auto again = plan(answer, ca.pem);
        ASSERT_TRUE(again) << again.error().message << " after " << last << " steps";
        for (const auto& step : *again)
            ASSERT_TRUE(perform(step));
        EXPECT_EQ(served(), serial(answer));
        EXPECT_TRUE(is_blank(read_enrolment(files)->next_key.view()));
    }
}

TEST_F(EnrolmentOnDisk, AStepThatFailsSaysWhichAndLeavesThePairInService)
{
    enrol(ca.sign(request()), ca.pem);
    const auto old_serial = served();
    const auto answer = ca.sign(request(Renewal::new_key));
    for (const std::size_t fails : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
        const auto steps = plan(answer, ca.pem);
        ASSERT_TRUE(steps);
        const Step broken{(*steps)[fails].name, folder, pki::KeyText("x")}; // a directory cannot be written
        const auto done = perform(broken);
        ASSERT_FALSE(done);
        EXPECT_THAT(done.error().message, HasSubstr((*steps)[fails].name));
        EXPECT_EQ(served(), fails < 2 ? old_serial : serial(answer));
        if (fails < 3) {
            ASSERT_TRUE(perform((*steps)[fails]));
        }
    }
}

TEST_F(EnrolmentOnDisk, TheSecondRunWritesNothing)
{
    const auto answer = ca.sign(request());
    enrol(answer, ca.pem);
    for (const auto& step : *plan(answer, ca.pem)) {
        const auto wrote = perform(step);
        ASSERT_TRUE(wrote);
        EXPECT_FALSE(*wrote) << step.name;
    }
}

TEST_F(EnrolmentOnDisk, ALongerTextLeavesNoTailBehindAShorterOne)
{
    ASSERT_TRUE(overwrite_file(files.certificate, std::string(5000, 'a'), Mode::as_it_is));
    ASSERT_TRUE(overwrite_file(files.certificate, "short", Mode::as_it_is));
    EXPECT_EQ(*read_file(files.certificate, 10000), "short");
}

TEST_F(EnrolmentOnDisk, RefusesWhatThisHostMustNotServeWith)
{
    const auto csr = request();
    const auto reason = [&](const std::string& chain, const std::string& authorities) {
        const auto steps = plan(chain, authorities);
        return steps ? std::string("accepted") : steps.error().reason;
    };
    const Authority stranger;
    const auto good = ca.sign(csr);
    EXPECT_EQ(reason(good, ca.pem), "accepted");
    EXPECT_EQ(reason(good + ca.pem, ""), "accepted") << "the CA may stand in the same text";
    EXPECT_EQ(reason(good, ""), "no_ca");
    EXPECT_EQ(reason(ca.pem, ""), "no_certificate");
    EXPECT_EQ(reason(good, good), "no_ca");
    EXPECT_EQ(reason(good, stranger.pem), "certificate_not_valid");
    const auto other_key = *pki::new_key();
    EXPECT_EQ(reason(ca.sign(*pki::request_pem(other_key, wish_for(uuid, "esx1", {}, {}))), ca.pem), "wrong_key");
    EXPECT_EQ(reason(ca.sign(csr, {.names = {.uris = {"xcopy://host/other"}}, .lasts = hours(1)}), ca.pem),
              "wrong_host");
    EXPECT_EQ(reason(ca.sign(csr, {.names = {.dns = {"esx1.lab"}}, .lasts = hours(1)}), ca.pem), "wrong_host");
    EXPECT_EQ(reason(ca.sign(csr, {.kind = pki::Kind::client, .lasts = hours(1)}), ca.pem), "certificate_not_valid");
    EXPECT_EQ(reason(ca.sign(csr, {.back_dated = -hours(1), .lasts = hours(2)}), ca.pem), "certificate_not_valid");
}

TEST_F(EnrolmentOnDisk, ADamagedKeyIsNotSilentlyReplaced)
{
    ASSERT_TRUE(overwrite_file(files.key, "-----BEGIN PRIVATE KEY-----\nxx", Mode::secret));
    const auto choice = choose_key(*read_enrolment(files), files, Renewal::same_key);
    ASSERT_FALSE(choice);
    EXPECT_THAT(choice.error().remedy, HasSubstr("--new-key"));
    enrol(ca.sign(request(Renewal::new_key)), ca.pem);
    EXPECT_FALSE(served().empty());
}

} // namespace xcopy::test
