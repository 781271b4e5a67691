// Dell PowerStore: handles and JSON to our values (facts/arrays/powerstore.md).
#pragma once

#include "vendors/array.hpp"
#include "vendors/rest/json.hpp"

namespace xcopy::powerstore {

// "<volume uuid>/<global id>/scsi", metro, and the legacy forms. `array` is empty where the handle names none.
struct Place {
    std::string volume;
    std::string array;
};
Result<Place> place_of(const VolumeHandle& handle);
Result<Volume> parse_volume(const rest::Json& record);

} // namespace xcopy::powerstore
