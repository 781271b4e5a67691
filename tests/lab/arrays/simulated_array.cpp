#include "tests/lab/arrays/simulated_array.hpp"

#include <utility>

namespace lab {

using nlohmann::json;

namespace {

std::filesystem::path made(std::filesystem::path directory)
{
    std::filesystem::create_directories(directory);
    return directory;
}

CertificateFiles certificate_of(const json& config, const std::string& name, const std::string& address, Pki& pki)
{
    std::vector<std::string> sans = {"IP:" + address};
    for (const auto& dns : config.value("dns", std::vector<std::string>{}))
        sans.push_back("DNS:" + dns);
    return pki.issue({.name = name, .sans = sans, .ca = config.value("ca", "lab")});
}

} // namespace

SimulatedArray::SimulatedArray(const json& config, Maker maker, Fabric& fabric, Events& events, Pki& pki)
    : name_(config.at("name")), kind_(config.at("kind")), address_(config.value("address", "127.0.0.1"))
{
    model_ = maker({.name = name_,
                    .user = config.value("user", "admin"),
                    .password = config.at("password"),
                    .directory = made(config.at("directory").get<std::string>()),
                    .more = config,
                    .fabric = fabric,
                    .clock = clock_});
    if (auto wrong = model_->set_switches(config.value("switches", json::object())))
        throw std::runtime_error(name_ + ": " + *wrong);
    for (const auto& order : config.value("setup", json::array())) {
        const auto answer = handle_control(order);
        if (answer.contains("error"))
            throw std::runtime_error(name_ + ": setup: " + answer["error"].get<std::string>());
    }
    if (config.value("serve", true))
        server_ = std::make_unique<HttpsServer>(
            HttpsServer::Config{.where = "array:" + name_,
                                .address = address_,
                                .port = config.value("port", std::uint16_t(0)),
                                .certificate = certificate_of(config, name_, address_, pki)},
            events, [this](const Request& request) { return handle(request); });
}

Response SimulatedArray::handle(const Request& request)
{
    const std::lock_guard lock(mutex_);
    ++requests_[request.method + " " + request.path];
    return model_->answer(request);
}

json SimulatedArray::handle_control(const json& order)
{
    const std::lock_guard lock(mutex_);
    try {
        return obey(order.at("verb").get<std::string>(), order);
    } catch (const std::exception& error) {
        return {{"error", error.what()}};
    }
}

json SimulatedArray::obey(const std::string& verb, const json& order)
{
    if (verb == "set") {
        if (auto wrong = model_->set_switches(order.at("switches")))
            throw ControlRefused(*wrong);
        return json::object();
    }
    if (verb == "switches")
        return {{"uncertain", model_->uncertain_switches()}};
    if (verb == "clock.advance") {
        clock_.advance(std::chrono::milliseconds(order.at("ms").get<std::int64_t>()));
        return json::object();
    }
    if (verb == "requests") // with a server those too that a fault kept from the model
        return server_ ? json(server_->requests()) : json(requests_);
    if (verb == "forget_requests") {
        requests_.clear();
        if (server_)
            server_->forget_requests();
        return json::object();
    }
    if (verb == "secret") {
        auto secret = model_->control(verb, order);
        secret["STORAGE_HOSTNAME"] = url();
        return secret;
    }
    return model_->control(verb, order);
}

} // namespace lab
