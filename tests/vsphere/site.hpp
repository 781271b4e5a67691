// The odd site's vCenter, shared by the tests of one program, and a session with it whose log is kept.
#pragma once

#include "coordinator/vsphere/vcenter.hpp"
#include "tests/vsphere/vcsim.hpp"
#include "vendors/rest/observed.hpp"
#include "vendors/rest/transport.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace xcopy::test {

class KeptLog final : public Log {
public:
    std::string text;

private:
    void write(Level, const std::string& line) override { text += line + '\n'; }
};

struct VcenterTest : testing::Test {
    static void SetUpTestSuite() { vcsim_ = std::make_unique<Vcsim>(odd_site()); }
    static void TearDownTestSuite() { vcsim_.reset(); }

    VcenterTest()
    {
        vcenter().order({{"do", "calm"}});
        vcenter().requests();
    }

    static Vcsim& vcenter() { return *vcsim_; }

    vsphere::Endpoint endpoint() const
    {
        return {.url = vcenter().url(),
                .user = vcenter().user(),
                .password = Secret(vcenter().password()),
                .tls = {.ca_file = vcenter().ca_file()}};
    }
    std::unique_ptr<vsphere::Session> sign_in() { return sign_in(endpoint()); }
    std::unique_ptr<vsphere::Session> sign_in(vsphere::Endpoint where)
    {
        return std::make_unique<vsphere::Session>(*transport, std::move(where), log);
    }

    KeptLog log;
    std::unique_ptr<rest::Transport> wire = rest::curl_transport();
    // Everything that a log of level debug would hold.
    std::unique_ptr<rest::Transport> transport =
        rest::observed(*wire, {.exchange =
                                   [this](const rest::Exchange& one) {
                                       log.debug("request", {{"what", rest::one_line(one)}});
                                   },
                               .warning =
                                   [this](std::string_view what) {
                                       log.warn("INSECURE", {{"what", what}});
                                   }});
    Call call{.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60), .job = "job-1"};

private:
    inline static std::unique_ptr<Vcsim> vcsim_;
};

} // namespace xcopy::test
