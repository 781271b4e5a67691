// What the contract suite has to know of one array beside its name. Everything else is the same for all.
#pragma once

#include "protocol/error.hpp"
#include "vendors/initiator.hpp"

#include <nlohmann/json.hpp>

#include <ostream>
#include <string>
#include <vector>

namespace xcopy::contract {

// One worked example of the facts page.
struct NaaExample {
    nlohmann::json create; // laid over the order "volume.create"
    std::string naa;       // what ESXi will show
};

// Requests that each verb sends once a session is open, counted exactly; `sign_in` for opening it.
struct Requests {
    int sign_in = 0;
    int find = 0;
    int ensure = 0; // the host is there already
    int mappings = 0;
    int used = 0; // 0 where the array does not let us choose LUN numbers
    int map = 0;
    int unmap = 0;
};

struct Subject {
    std::string vendor;                               // as in STORAGE_VENDOR; also the lab's kind of array
    nlohmann::json lab = nlohmann::json::object();    // laid over the simulator's config
    nlohmann::json secret = nlohmann::json::object(); // laid over what the simulator gives as its secret
    Initiators initiators;                            // two ports of one host
    std::vector<std::string> required_keys;           // of the secret, without STORAGE_HOSTNAME
    std::vector<NaaExample> naa_examples;
    Errc foreign = Errc::conflict; // what a handle of another array leads to
    bool creates_hosts = true;     // false: somebody else must have made the host's object
    bool reuses_owner = true;      // an initiator belongs to one object only, so that one is used
    bool signs_out = true;         // false: the array's sessions cannot be closed and are not counted
    bool copies = false;           // one volume onto another inside the array
    Requests requests;
};

inline void PrintTo(const Subject& subject, std::ostream* out)
{
    *out << subject.vendor;
}

std::vector<Subject> subjects();
std::vector<Subject> subjects_that_copy();
std::vector<Subject> subjects_that(bool create_hosts);

// One file each.
Subject flashsystem_subject();
Subject infinibox_subject();
Subject ontap_subject();
Subject powerflex_subject();
Subject powermax_subject();
Subject powerstore_subject();
Subject primera3par_subject();
Subject pure_subject();
Subject vantara_subject();

} // namespace xcopy::contract
