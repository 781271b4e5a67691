// Initiator names as ONTAP accepts them: an IQN, an EUI, or a WWPN as eight hex pairs with colons.
#pragma once

#include "tests/lab/arrays/ontap/refusal.hpp"

#include <string>
#include <string_view>

namespace lab::ontap {

enum class Protocol { fcp, iscsi, mixed };

// The name in lower case, or why an igroup of this protocol does not take it.
Answer<std::string> parse_initiator(std::string_view text, Protocol);

// As the fabric writes it: an IQN as it is, a WWPN as 16 hex digits.
std::string fabric_name(std::string_view lower_case_initiator);

std::string lower(std::string_view);
std::string upper(std::string_view);

} // namespace lab::ontap
