// Kubernetes' spellings of a size and of a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xcopy::kube {

// A resource.Quantity in whole bytes: "10Gi", "10737418240", "1.5Ti", "2e9". A part of a byte counts as one. Nothing
// where it is no quantity, negative, or beyond what any disk has.
std::optional<std::uint64_t> parse_quantity(std::string_view text);

// metav1.MicroTime: RFC 3339 in UTC with exactly six decimals (apimachinery micro_time.go); read with any number of them.
using Time = std::chrono::sys_time<std::chrono::microseconds>;
std::string to_micro_time(Time time);
std::optional<Time> parse_time(std::string_view text);

Time now();

} // namespace xcopy::kube
