// Names under which this process holds Leases.
#pragma once

#include <string>

namespace xcopy::kube {

std::string pod_name(); // the machine's host name, which in a pod is the pod's name, as upstream's pods call themselves
std::string process_name(); // that, and what no other process has: pods made anew have the same name

} // namespace xcopy::kube
