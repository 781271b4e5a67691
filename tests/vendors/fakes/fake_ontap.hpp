// As much of ONTAP's REST as the driver uses, in memory, with a fault at any request. Written from the facts page; the
// lab's simulator is another, fuller one.
#pragma once

#include "vendors/rest/transport.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace xcopy::ontap {

enum class Fault : std::uint8_t {
    none,
    unavailable, // the request never arrives
    lost_reply,  // it is carried out and nobody hears of it
    garbage,     // it is carried out and the reply cannot be read
    refused,     // HTTP 500, nothing is done
};

class FakeOntap : public rest::Transport {
public:
    struct Group {
        std::string uuid, name, svm, protocol, os_type;
        std::set<std::string> initiators;
    };

    Result<rest::Reply> send(const Call& call, const rest::Request& request, const rest::Tls&) override;

    // World.
    std::map<std::string, std::string> svms{{"svm1", "00000000-0000-0000-0000-0000000000a1"}}; // name to uuid
    std::vector<nlohmann::json> luns;
    std::vector<Group> groups;
    struct Map {
        std::string lun, group;
        int number;
    };
    std::vector<Map> maps;

    nlohmann::json& add_lun(const std::string& name, const std::string& svm = "svm1");
    Group& add_group(const std::string& name, std::set<std::string> initiators, const std::string& svm = "svm1");

    // Faults and quirks.
    std::map<std::size_t, Fault> faults; // by number of the request, from 1
    std::size_t invisible_lookups = 0;   // so many searches for LUNs find nothing
    bool serial_only_by_uuid = false;
    bool maps_list_initiators = true;
    bool wildcards_everywhere = false; // a search returns everything in the SVM, whatever was asked
    std::size_t page_size = 1000;
    std::string password_header = "Basic YWRtaW46Z2VoZWlt"; // admin:geheim

    std::function<void(const rest::Request&)> before; // another caller, just ahead of ours

    std::vector<rest::Request> requests;
    std::size_t changes = 0; // POST and DELETE that arrived

private:
    rest::Reply answer(const rest::Request& request);
    rest::Reply list(std::vector<nlohmann::json> records, const std::map<std::string, std::string>& query,
                     const std::string& path) const;
    rest::Reply create_group(const nlohmann::json& body);
    rest::Reply add_initiator(Group& group, const std::string& name);
    rest::Reply create_map(const nlohmann::json& body);
    nlohmann::json group_record(const Group& group) const;
    nlohmann::json map_record(const Map& map) const;
    Group* group_by(const std::string& uuid);
    std::string svm_name(const std::string& uuid) const;
};

} // namespace xcopy::ontap
