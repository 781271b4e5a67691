#include "tests/lab/arrays/ontap/ontap.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <stdexcept>

namespace lab::ontap {

using nlohmann::json;

namespace {

std::filesystem::path made(std::filesystem::path directory)
{
    std::filesystem::create_directories(directory);
    return directory;
}

std::vector<std::string> svms_in(const json& config)
{
    auto svms = config.value("svms", std::vector<std::string>{"svm1"});
    if (svms.empty())
        throw std::runtime_error("an ONTAP needs at least one SVM");
    return svms;
}

CertificateFiles certificate_of(const json& config, const std::string& name, const std::string& address, Pki& pki)
{
    std::vector<std::string> sans = {"IP:" + address};
    for (const auto& dns : config.value("dns", std::vector<std::string>{}))
        sans.push_back("DNS:" + dns);
    return pki.issue({.name = name, .sans = sans, .ca = config.value("ca", "lab")});
}

} // namespace

Ontap::Ontap(const json& config, Fabric& fabric, Events& events, Pki& pki)
    : name_(config.at("name")),
      state_(name_, made(config.at("directory").get<std::string>()), svms_in(config), switches_, fabric),
      api_(name_, state_, switches_, {config.value("user", "admin"), config.at("password")})
{
    if (auto wrong = switches_.set(config.value("switches", json::object())))
        throw std::runtime_error(name_ + ": " + *wrong);
    for (const auto& order : config.value("setup", json::array())) {
        const auto answer = handle_control(order);
        if (answer.contains("error"))
            throw std::runtime_error(name_ + ": setup: " + answer["error"].get<std::string>());
    }

    const auto address = config.value("address", "127.0.0.1");
    server_ =
        std::make_unique<HttpsServer>(HttpsServer::Config{.where = "array:" + name_,
                                                          .address = address,
                                                          .port = config.value("port", std::uint16_t(0)),
                                                          .certificate = certificate_of(config, name_, address, pki)},
                                      events, [this](const Request& request) { return handle(request); });
}

Response Ontap::handle(const Request& request)
{
    std::lock_guard lock(mutex_);
    return api_.handle(request);
}

} // namespace lab::ontap
