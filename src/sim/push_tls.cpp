// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/push_tls.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/system/system_error.hpp>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace z360::sim {

namespace {

constexpr long k_days = 30;
constexpr const char* k_names = "DNS:localhost,DNS:api.push.apple.com,DNS:api.sandbox.push.apple.com,"
                                "DNS:fcm.googleapis.com,DNS:oauth2.googleapis.com,DNS:www.googleapis.com,"
                                "IP:127.0.0.1,IP:::1";

using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using certificate_ptr = std::unique_ptr<X509, decltype(&X509_free)>;

[[noreturn]] void failed(const char* what) {
    throw std::runtime_error(std::string("OpenSSL cannot ") + what);
}

void extend(X509* certificate, X509* issuer, int what, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
    if (extension == nullptr) failed("write a certificate's extension");
    const int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    if (added != 1) failed("write a certificate's extension");
}

certificate_ptr blank(EVP_PKEY* key, const char* name) {
    certificate_ptr out(X509_new(), X509_free);
    std::uint64_t serial = 0;
    if (!out || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1)
        failed("make a certificate");
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(out.get()), serial >> 1);
    X509_set_version(out.get(), 2);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), k_days * 24 * 3600);
    X509_set_pubkey(out.get(), key);
    auto* subject = X509_get_subject_name(out.get());
    X509_NAME_add_entry_by_txt(
        subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0
    );
    return out;
}

template <class Write>
std::string pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), BIO_free_all);
    if (!out || write(out.get()) != 1) failed("write PEM");
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string contents(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + file);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string names_with(const std::string& address) {
    boost::system::error_code ec;
    const auto a = boost::asio::ip::make_address(address, ec);
    if (ec || a.is_unspecified() || a.is_loopback()) return k_names;
    return std::string(k_names) + ",IP:" + a.to_string();
}

} // namespace

tls_material make_tls(const std::string& address) {
    const key_ptr ca_key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const key_ptr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    if (!ca_key || !key) failed("make a key");
    const auto ca = blank(ca_key.get(), "z360-sim authority");
    X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
    extend(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    extend(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
    if (X509_sign(ca.get(), ca_key.get(), EVP_sha256()) == 0) failed("sign a certificate");

    const auto certificate = blank(key.get(), "z360-sim push services");
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(ca.get()));
    extend(certificate.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
    extend(certificate.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
    extend(certificate.get(), ca.get(), NID_ext_key_usage, "serverAuth");
    extend(certificate.get(), ca.get(), NID_subject_alt_name, names_with(address));
    if (X509_sign(certificate.get(), ca_key.get(), EVP_sha256()) == 0) failed("sign a certificate");

    tls_material out;
    out.ca = pem([&](BIO* b) { return PEM_write_bio_X509(b, ca.get()); });
    out.certificate = pem([&](BIO* b) { return PEM_write_bio_X509(b, certificate.get()); });
    out.key = pem([&](BIO* b) {
        return PEM_write_bio_PKCS8PrivateKey(b, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return out;
}

tls_material read_tls(const std::string& certificate_file, const std::string& key_file) {
    return {{}, contents(certificate_file), contents(key_file)};
}

std::shared_ptr<boost::asio::ssl::context> server_context(const tls_material& m) {
    namespace ssl = boost::asio::ssl;
    auto out = std::make_shared<ssl::context>(ssl::context::tls_server);
    try {
        out->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::no_compression);
        out->use_certificate_chain(boost::asio::buffer(m.certificate));
        out->use_private_key(boost::asio::buffer(m.key), ssl::context::pem);
    } catch (const boost::system::system_error& e) {
        throw std::runtime_error("certificate or key of the push services: " + e.code().message());
    }
    return out;
}

} // namespace z360::sim
