// Reading properties of managed objects: which objects, which paths, and the answer in pages.
#pragma once

#include "coordinator/vsphere/session.hpp"

#include <map>
#include <string>
#include <vector>

namespace xcopy::vsphere {

// From an object along a property to others: {"d", "Datacenter", "hostFolder", {"f"}}; `next` are names of further steps.
struct Hop {
    std::string name;
    std::string type;
    std::string path;
    std::vector<std::string> next;
    bool include_start = true; // false: what the hop starts from is no result
};

struct Wanted {
    std::string type; // of the objects whose properties are asked for
    std::vector<std::string> paths;
    std::vector<Ref> start;
    bool skip_start = false;
    std::vector<Hop> hops;
};

// Deep paths only: a host's whole `config` is megabytes.
std::string retrieve_call(const Ref& property_collector, const Wanted& wanted);

struct Object {
    Ref ref;
    std::map<std::string, pugi::xml_node> values; // by path; an unset property is not there
    std::map<std::string, Fault> missing;         // paths that could not be read, and why

    pugi::xml_node value(const std::string& path) const;
    std::string text(const std::string& path) const { return text_of(value(path)); }
    std::optional<Error> why_missing(const std::string& path) const; // NoPermission, HostNotConnected …
};

struct Objects {
    std::vector<Object> all;
    std::vector<Document> documents; // the nodes lie in them

    const Object* find(const Ref& ref) const;
};

// One page; the token of the next, or empty.
std::string read_page(const Answer& answer, Objects& into);

// All pages. An object that no longer exists is Errc::not_found.
Result<Objects> retrieve(Session& session, const Call& call, const Wanted& wanted);

} // namespace xcopy::vsphere
