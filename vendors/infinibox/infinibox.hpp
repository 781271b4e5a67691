// Infinidat InfiniBox: handles and JSON to our values (facts/arrays/infinibox.md).
#pragma once

#include "vendors/array.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/transport.hpp"

namespace xcopy::infinibox {

// "6507" of the handle "6507$$fc". Errc::unsupported for what is no SCSI volume.
Result<std::string> volume_id_of(const VolumeHandle& handle);
Result<Volume> parse_volume(const rest::Json& row);
std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);

} // namespace xcopy::infinibox
