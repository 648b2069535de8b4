//! The text formats in which Prometheus reads metrics.

use std::fmt::Write as _;

use actix_web::{http::header::HeaderMap, mime::Mime};

use super::Accept;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposition {
    /// Prometheus text 0.0.4: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
    Prometheus,
    /// OpenMetrics 1.0.0: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
    OpenMetrics,
}

impl Exposition {
    /// The one that the client prefers with its `Accept`; Prometheus text where it has no preference.
    pub(crate) fn preferred(headers: &HeaderMap) -> Self {
        let accept = Accept::of(headers);
        let quality = |format: Self| accept.quality(&format.mime());
        if quality(Self::OpenMetrics) > quality(Self::Prometheus) { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    fn mime(self) -> Mime {
        self.media_type().parse().expect("a media type")
    }

    /// `open_metrics`, as the registry writes it, in this format.
    pub(crate) fn convert(self, open_metrics: String) -> String {
        match self {
            Self::Prometheus => prometheus(&open_metrics),
            Self::OpenMetrics => open_metrics,
        }
    }
}

/// The same samples in Prometheus text. Families there have the names of their samples, there are no info metrics, and
/// units and the end are not marked.
fn prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(name_and_help) = line.strip_prefix("# HELP ") {
            help = name_and_help.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|family| family.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                same => ("", same),
            };
            let _ = writeln!(text, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header::ACCEPT, test::TestRequest};

    use super::*;

    fn preferred(accept: &str) -> Exposition {
        Exposition::preferred(TestRequest::get().append_header((ACCEPT, accept)).to_http_request().headers())
    }

    #[test]
    fn a_scraper_gets_the_format_that_it_prefers() {
        for accept in [
            "",
            "*/*",
            "text/plain",
            "text/plain;version=0.0.4",
            "text/plain; version=0.0.4; charset=utf-8",
            "application/openmetrics-text;q=0.5, text/plain;version=0.0.4",
            "application/openmetrics-text;version=1.0.0, text/plain;version=0.0.4",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;q=0, */*",
            "application/json",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            // Prometheus before 2.5.
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
             text/plain;version=0.0.4;q=0.3",
        ] {
            assert_eq!(preferred(accept), Exposition::Prometheus, "{accept}");
        }
        for accept in [
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0",
            "application/openmetrics-text;version=1.0.0;charset=utf-8",
            // Prometheus 2, and 3 with its own scraping protocols in another order.
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
             application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
             text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        ] {
            assert_eq!(preferred(accept), Exposition::OpenMetrics, "{accept}");
        }
    }

    #[test]
    fn families_have_the_names_and_types_of_prometheus_text() {
        let open_metrics = "# HELP build What runs.\n# TYPE build info\nbuild_info{a=\"# b\"} 1\n\
             # HELP asked Requests.\n# TYPE asked counter\nasked_total 3\n\
             # HELP took_seconds Time.\n# TYPE took_seconds histogram\n# UNIT took_seconds seconds\ntook_seconds_sum 1.5\n\
             # EOF\n";
        let text = "# HELP build_info What runs.\n# TYPE build_info gauge\nbuild_info{a=\"# b\"} 1\n\
             # HELP asked_total Requests.\n# TYPE asked_total counter\nasked_total 3\n\
             # HELP took_seconds Time.\n# TYPE took_seconds histogram\ntook_seconds_sum 1.5\n";
        assert_eq!(Exposition::Prometheus.convert(open_metrics.to_owned()), text);
        assert_eq!(Exposition::OpenMetrics.convert(open_metrics.to_owned()), open_metrics);
    }
}
