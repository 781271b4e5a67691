// What a simulated ONTAP cluster holds, and the rules by which it changes. Knows nothing of HTTP or JSON.
#pragma once

#include "tests/lab/arrays/ontap/initiator.hpp"
#include "tests/lab/arrays/ontap/names.hpp"
#include "tests/lab/arrays/ontap/refusal.hpp"
#include "tests/lab/arrays/ontap/switches.hpp"
#include "tests/lab/fabric.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lab::ontap {

struct Svm {
    std::string uuid;
    std::string name;
};

struct Lun {
    std::uint64_t order = 0; // of creation: the order of listings
    std::string uuid;
    std::string svm;  // its name
    std::string name; // "/vol/volume/lun0"; plain on ASA r2
    std::string serial;
    std::uint64_t size = 0;
    std::string lun_class = "regular";
    std::string os_type = "linux";
    std::string job;          // of the copy that fills it
    int hidden_reads = 0;     // listings that do not show it yet
    bool serial_read = false; // a listing has shown it, with or without its serial number
};

struct Igroup {
    std::uint64_t order = 0;
    std::string uuid;
    std::string svm;
    std::string name;
    Protocol protocol = Protocol::mixed;
    std::string os_type = "linux";
    std::vector<std::string> initiators;         // lower case
    std::vector<std::string> children;           // uuids of nested igroups; then it has no initiators of its own
    std::map<std::string, std::string> as_given; // lower case to what the caller wrote
    bool delete_on_unmap = false;
};

struct LunMap {
    std::uint64_t order = 0;
    std::string lun;    // uuid
    std::string igroup; // uuid
    int number = 0;
    int hidden_reads = 0;
};

struct Job {
    std::string uuid;
    std::string source, target; // LUN uuids
    int polls_left = 0;
    std::string state = "running"; // running, success, failure
    std::string message;
    int code = 0;
};

constexpr int largest_lun_number = 4095;

// The item of that uuid, or null.
template <class List> auto* with_uuid(List& list, const std::string& uuid)
{
    const auto found = std::ranges::find_if(list, [&](const auto& item) { return item.uuid == uuid; });
    return found == list.end() ? nullptr : &*found;
}

// Not thread-safe. The fabric follows every change before the verb returns.
class State {
public:
    State(std::string array, std::filesystem::path directory, const std::vector<std::string>& svms, const Switches&,
          Fabric&);

    const std::vector<Svm>& svms() const { return svms_; }
    const std::vector<Lun>& luns() const { return luns_; }
    const std::vector<Igroup>& igroups() const { return igroups_; }
    const std::vector<LunMap>& maps() const { return maps_; }
    Names& names() { return names_; }

    const Svm* find_svm(const std::string& name_or_uuid) const;
    const Lun* find_lun(const std::string& uuid) const;
    const Igroup* find_igroup(const std::string& uuid) const;
    const LunMap* find_map(const std::string& lun, const std::string& igroup) const;
    std::vector<std::string> initiators_of(const Igroup&) const; // nested ones included

    struct NewLun {
        std::string svm, name;
        std::uint64_t size = 0;
        std::string lun_class = "regular";
        std::string os_type = "linux";
        std::string serial; // empty: the next one
    };
    Answer<const Lun*> create_lun(const NewLun&);
    Answer<void> delete_lun(const std::string& uuid, bool while_mapped);

    struct NewIgroup {
        std::string svm, name;
        std::string protocol = "mixed";
        std::string os_type;
        std::vector<std::string> initiators;
        std::vector<std::string> children; // uuids
        bool delete_on_unmap = false;
    };
    Answer<const Igroup*> create_igroup(const NewIgroup&);
    Answer<void> delete_igroup(const std::string& uuid, bool while_mapped);
    Answer<void> add_initiator(const std::string& igroup, const std::string& name);
    Answer<void> remove_initiator(const std::string& igroup, const std::string& name, bool while_mapped);
    Answer<void> add_child(const std::string& igroup, const std::string& child);

    Answer<const LunMap*> map(const std::string& lun, const std::string& igroup, std::optional<int> number);
    Answer<void> unmap(const std::string& lun, const std::string& igroup);

    Answer<const Job*> start_copy(const std::string& source, const NewLun& target);
    const Job* poll_job(const std::string& uuid); // each poll brings it nearer to its end
    const Job* find_job(const std::string& uuid) const;

    // One listing has happened: what was hidden comes nearer to being seen.
    void luns_were_listed(bool serials_withheld);
    void maps_were_listed();

    std::filesystem::path file_of(const Lun&) const;

private:
    Igroup* igroup(const std::string& uuid);
    Answer<void> insert_initiator(Igroup&, const std::string& name, const char* os_type_code);
    bool mapped(const Igroup&) const; // itself or one it is nested in
    int depth_below(const Igroup&) const;
    int depth_above(const Igroup&) const;
    int free_number(const Igroup&) const;
    std::optional<Refusal> seen_twice(const std::vector<std::string>& initiators, const std::string& svm) const;
    void show(); // makes the fabric agree with the maps

    const std::string array_;
    const std::filesystem::path directory_;
    const Switches& switches_;
    Fabric& fabric_;
    Names names_;
    std::uint64_t next_order_ = 1;
    std::vector<Svm> svms_;
    std::vector<Lun> luns_;
    std::vector<Igroup> igroups_;
    std::vector<LunMap> maps_;
    std::vector<Job> jobs_;
    std::map<std::pair<std::string, std::string>, int> shown_; // (naa, initiator) to LUN number
};

} // namespace lab::ontap
