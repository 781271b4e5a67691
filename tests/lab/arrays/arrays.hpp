// Simulated arrays: each speaks its vendor's REST over TLS and changes the fabric as the real array would.
#pragma once

#include "tests/lab/arrays/http_message.hpp"
#include "tests/lab/events.hpp"
#include "tests/lab/fabric.hpp"
#include "tests/lab/pki.hpp"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <vector>

namespace lab {

class ArraySim {
public:
    virtual ~ArraySim() = default; // stops serving and joins every thread

    virtual const std::string& name() const = 0; // "ontap-a"; its events come from "array:ontap-a"
    virtual const std::string& kind() const = 0; // "ontap"
    virtual std::string url() const = 0;         // "https://127.0.0.1:40001"

    virtual Response handle(const Request&) = 0; // as the server calls it, for tests without a socket. Thread-safe.

    // What the operator of the lab or the array's administrator does beside the API: {"verb": "volume.create", …}. The
    // answer has "error" with a sentence when it was refused. README.md lists the verbs. Thread-safe.
    virtual nlohmann::json handle_control(const nlohmann::json& order) = 0;
};

std::vector<std::string> kinds_of_arrays(); // "ontap", …

// config: {"kind": "ontap", "name", "address", "port" (0: any), "user", "password", "directory" (volume files), …}; the
// rest depends on the kind (README.md). It serves when this returns. Throws std::runtime_error with a sentence when the
// config is wrong or the port is taken. The references must outlive the array.
std::unique_ptr<ArraySim> make_array(const nlohmann::json& config, Fabric&, Events&, Pki&);

} // namespace lab
