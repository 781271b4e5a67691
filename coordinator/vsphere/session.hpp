// One signed-in conversation with a vCenter (or one ESXi host): SOAP out, XML in. Signs in when first needed, once; signs in
// anew when vCenter has forgotten us; repeats reads that met a passing trouble; signs out at the end.
#pragma once

#include "coordinator/log.hpp"
#include "coordinator/vsphere/fault.hpp"
#include "vendors/call.hpp"
#include "vendors/rest/clock.hpp"
#include "vendors/rest/transport.hpp"

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::vsphere {

struct Endpoint {
    std::string url; // https://name[:port]
    std::string user;
    Secret password;
    rest::Tls tls;
};

// What RetrieveServiceContent gives: never guessed, for standalone hosts call these differently.
struct ServiceContent {
    Ref root_folder;
    Ref property_collector;
    Ref session_manager;
    Ref search_index;
    Ref view_manager;
    std::optional<Ref> file_manager{};
    std::string api_type; // VirtualCenter, HostAgent
    std::string api_version;
    std::string full_name;
};

Result<ServiceContent> read_service_content(const pugi::xml_node& returned);

// The version to speak: the older of theirs and the newest we know.
std::string version_to_ask(std::string_view theirs);

std::string envelope(std::string_view body);

// An answer, and the document that its node lies in.
struct Answer {
    Document document;
    pugi::xml_node response; // the <…Response> element
};

// A body with a fault is an error with the fault's reason; `fault` tells which.
Result<Answer> read_answer(std::string_view body, std::optional<Fault>& fault);

class Session {
public:
    // Both must outlive it.
    Session(rest::Transport& transport, Endpoint endpoint, Log& log, rest::Clock& clock = rest::real_clock());
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session(); // signs out

    // Signs in where that is still to be done.
    Result<const ServiceContent*> content(const Call& call);

    // A method that changes nothing: repeated until the call's deadline while the trouble passes. `body` is the method's
    // element; it may name singletons of content().
    Result<Answer> read(const Call& call, std::string_view body);

    // A method that changes something: sent once, unless vCenter says that it did not begin. A lost answer is
    // Errc::indeterminate: look before asking again. `fault` tells what was refused.
    Result<Answer> change(const Call& call, std::string_view body, std::optional<Fault>& fault);

    // Keeps an idle session from ending (30 minutes by default); needed by who idles longer than five.
    Result<void> keep_alive(const Call& call);

    // A file to https://vcenter/folder/…, and back. Twice does no harm; a PUT that breaks leaves part of the file.
    Result<void> put(const Call& call, const std::string& path_and_query, const std::string& bytes);
    Result<std::string> get(const Call& call, const std::string& path_and_query);

    void sign_out(const Call& call);

    const std::string& url() const { return endpoint_.url; }
    int requests() const { return requests_; } // sent so far, for the figures

private:
    Result<Answer> once(const Call& call, std::string_view body, std::optional<Fault>& fault, bool harmless = true);
    Result<rest::Reply> send(const Call& call, rest::Request request);
    Result<rest::Reply> exchange_file(const Call& call, const rest::Request& request);
    Result<void> sign_in(const Call& call);
    Result<void> sign_in_patiently(const Call& call);
    void log_out(const Call& call);
    void keep_cookies(const rest::Reply& reply);
    Error told(Error error) const;
    bool may_wait(const Call& call, int attempt, const Error& why);

    rest::Transport& transport_;
    const Endpoint endpoint_;
    Log& log_;
    rest::Clock& clock_;
    std::recursive_mutex mutex_; // one request at a time; sign-in happens within one
    std::map<std::string, std::string> cookies_;
    std::vector<Secret> secrets_;
    std::optional<ServiceContent> content_;
    bool signed_in_ = false;
    int requests_ = 0;
};

} // namespace xcopy::vsphere
