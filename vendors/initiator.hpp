// How a host shows itself to an array, in every spelling an array asks for.
#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

struct Initiator {
    enum class Kind : std::uint8_t { fc, iscsi, sdc };

    Kind kind = Kind::iscsi;
    std::string wwnn; // fc: 16 lower-case hex digits
    std::string wwpn; // fc: 16 lower-case hex digits
    std::string name; // iscsi: iqn.… or eui.… in lower case; sdc: the GUID

    std::string esxi() const;        // fc.WWNN:WWPN, iqn.…, the GUID: as ESXi prints it
    std::string plain() const;       // WWPN without separators, iqn.…
    std::string with_colons() const; // 21:00:00:24:ff:1a:2b:3c, iqn.…
    std::string in_capitals() const; // WWPN in capitals, iqn.…
    bool operator==(const Initiator&) const = default;
};

using Initiators = std::vector<Initiator>;

bool has_kind(const Initiators&, Initiator::Kind);

// From the UID of `esxcli storage core adapter list` (facts/esxi.md 6.3), or a WWPN with or without colons, in any
// case. Errc::unsupported for an adapter that carries no LUN of an array (sata., sas., pscsi., NVMe).
Result<Initiator> parse_initiator(std::string_view adapter_uid);

} // namespace xcopy
