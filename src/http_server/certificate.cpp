// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/certificate.hpp"

#include "http_server/openssl_error.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

namespace z360::http {
namespace {

struct bio_free {
    void operator()(BIO* b) const { (void)BIO_free(b); }
};
struct x509_free {
    void operator()(X509* c) const { X509_free(c); }
};
using bio_ptr = std::unique_ptr<BIO, bio_free>;
using x509_ptr = std::unique_ptr<X509, x509_free>;

std::optional<time_point> moment(const ASN1_TIME* when) {
    std::tm tm{};
    if (ASN1_TIME_to_tm(when, &tm) != 1) return std::nullopt;
    return time_point(std::chrono::seconds(timegm(&tm)));
}

std::string subject_of(const X509* certificate) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    if (!out || X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
        return {};
    char* text = nullptr;
    const auto n = BIO_get_mem_data(out.get(), &text);
    return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

} // namespace

double certificate_status::days_left(time_point now) const {
    using days = std::chrono::duration<double, std::ratio<86'400>>;
    return std::chrono::duration_cast<days>(not_after - now).count();
}

std::string certificate_status::fault_at(time_point now) const {
    if (now >= not_after) return "expired at " + iso8601(not_after);
    if (now < not_before) return "not valid before " + iso8601(not_before);
    return {};
}

certificate_status read_certificate(const std::string& path) {
    certificate_status out;
    ERR_clear_error();
    const bio_ptr file(BIO_new_file(path.c_str(), "r"));
    if (!file) {
        out.error = path + ": cannot be opened (" + openssl_error() + ")";
        return out;
    }
    while (true) {
        const x509_ptr certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
        if (!certificate) {
            const auto code = ERR_peek_last_error();
            const bool at_end =
                ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
            if (!at_end) {
                out.error = path + ": certificate " + std::to_string(out.certificates + 1) + " is damaged (" +
                            openssl_error() + ")";
                return out;
            }
            ERR_clear_error();
            break;
        }
        const auto begin = moment(X509_get0_notBefore(certificate.get()));
        const auto end = moment(X509_get0_notAfter(certificate.get()));
        if (!begin || !end) {
            out.error = path + ": a certificate has no readable dates of beginning and end";
            return out;
        }
        if (out.certificates == 0 || *begin > out.not_before) out.not_before = *begin;
        if (out.certificates == 0) out.subject = subject_of(certificate.get());
        if (out.certificates == 0 || *end < out.not_after) out.not_after = *end;
        ++out.certificates;
    }
    if (out.certificates == 0) out.error = path + ": holds no PEM certificate (-----BEGIN CERTIFICATE-----)";
    return out;
}

std::optional<int> certificate_alarm(double days_left) {
    for (const int limit : {1, 7, 14, 30})
        if (days_left <= limit) return limit;
    return std::nullopt;
}

} // namespace z360::http
