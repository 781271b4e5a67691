// The state as the JSON records of ONTAP's REST, with everything there is; the query picks from it.
#pragma once

#include "tests/lab/arrays/ontap/query.hpp"
#include "tests/lab/arrays/ontap/state.hpp"

#include <nlohmann/json.hpp>

namespace lab::ontap {

Schema lun_schema(const Switches&);
Schema igroup_schema();
Schema initiator_schema();
Schema map_schema();
Schema svm_schema();
Schema node_schema();
Schema cluster_schema(const Switches&);

nlohmann::json lun_record(const State&, const Switches&, const Lun&);
nlohmann::json igroup_record(const State&, const Switches&, const Igroup&);
nlohmann::json initiators_record(const Switches&, const Igroup&); // a list of {"name"}
nlohmann::json map_record(const State&, const Switches&, const LunMap&);
nlohmann::json svm_record(const Svm&);
nlohmann::json job_record(const Job&);
nlohmann::json cluster_record(const std::string& array, const std::string& uuid, const Switches&);
nlohmann::json nodes_record(const std::string& array); // a list, the two nodes of a pair

struct Release {
    int generation = 9, major = 0, minor = 0;
};
Release release_of(const Switches&);
bool release_at_least(const Switches&, int major, int minor); // 9.<major>.<minor>

} // namespace lab::ontap
