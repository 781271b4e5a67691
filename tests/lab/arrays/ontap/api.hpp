// The REST interface of a simulated ONTAP: requests in, answers out, the state changed on the way.
#pragma once

#include "tests/lab/arrays/http_message.hpp"
#include "tests/lab/arrays/ontap/query.hpp"
#include "tests/lab/arrays/ontap/state.hpp"
#include "tests/lab/arrays/ontap/switches.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace lab::ontap {

// One request on its way through a handler.
struct Call {
    const Request& request;
    std::vector<std::string> path;  // the values of {…} in the route
    nlohmann::json body;            // an object; dotted keys are expanded
    std::optional<std::string> svm; // the only SVM that this call may see

    bool sees(const std::string& svm_name) const { return !svm || *svm == svm_name; }
};

// Not thread-safe.
class Api {
public:
    Api(std::string array, State&, Switches&, BasicLogin);

    Response handle(const Request&);
    void set_password(std::string password) { login_.password = std::move(password); }
    int status_of(const Refusal&) const;

private:
    using Handler = Answer<Success> (Api::*)(const Call&);
    struct Route;
    static const std::vector<Route>& routes();

    Answer<Success> dispatch(const Request&);
    Answer<std::optional<std::string>> scope_of(const Request&) const;
    Response refuse(const Refusal&) const;

    // api_cluster.cpp
    Answer<Success> get_cluster(const Call&);
    Answer<Success> list_nodes(const Call&);
    Answer<Success> list_svms(const Call&);
    Answer<Success> get_job(const Call&);
    // api_luns.cpp
    Answer<Success> list_luns(const Call&);
    Answer<Success> get_lun(const Call&);
    Answer<Success> create_lun(const Call&);
    Answer<Success> delete_lun(const Call&);
    // api_igroups.cpp
    Answer<Success> list_igroups(const Call&);
    Answer<Success> get_igroup(const Call&);
    Answer<Success> create_igroup(const Call&);
    Answer<Success> delete_igroup(const Call&);
    Answer<Success> list_initiators(const Call&);
    Answer<Success> add_initiators(const Call&);
    Answer<Success> remove_initiator(const Call&);
    Answer<Success> add_children(const Call&);
    // api_maps.cpp
    Answer<Success> list_maps(const Call&);
    Answer<Success> get_map(const Call&);
    Answer<Success> create_map(const Call&);
    Answer<Success> delete_map(const Call&);
    Answer<Success> list_reporting_nodes(const Call&);

    // The SVM that a body names, or the only one that the call may see.
    Answer<const Svm*> svm_of(const Call&) const;
    // The uuid behind {"uuid"} or {"name"}; empty when there is none in that SVM.
    std::string lun_uuid(const nlohmann::json& reference, const std::string& svm) const;
    std::string igroup_uuid(const nlohmann::json& reference, const std::string& svm) const;
    Answer<const Igroup*> igroup_of(const Call&) const; // by the uuid in the path, if the call may see it

    const std::string array_;
    State& state_;
    Switches& switches_;
    BasicLogin login_;
};

// Refuses bodies with keys that are not in the list, unless the request says to ignore them.
std::optional<Refusal> unexpected_key(const Call&, std::initializer_list<std::string_view> known);

std::string string_or(const nlohmann::json& object, const std::string& key, const std::string& otherwise);
Success created(const Request&, std::string location, nlohmann::json records);

} // namespace lab::ontap
