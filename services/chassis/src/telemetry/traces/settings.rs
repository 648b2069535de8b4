//! Whether traces are sent, where to, and of which requests.
//!
//! What OpenTelemetry's specification has is read as it says: of a value that is not known, the log warns, and the service
//! starts as if it was not set (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>). Only
//! an address that no trace can be sent to keeps a service from starting.

use std::str::FromStr;

use opentelemetry_sdk::trace::Sampler;
use reqwest::Url;

use crate::settings::{Form, Reader, base_url};

/// Whether traces are sent, where to, and of which requests.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    url: Option<Url>,
    pub(super) service_name: Option<String>,
    pub(super) sampler: Sampler,
}

impl Settings {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT` and what OpenTelemetry's specification has for the rest.
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let Flag(disabled) = reader.lenient("OTEL_SDK_DISABLED").unwrap_or(Flag(false));
        let exporter = reader.lenient("OTEL_TRACES_EXPORTER").unwrap_or(Exporter::Otlp);
        for protocol in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
            reader.lenient::<Protocol>(protocol);
        }
        reader.lenient::<Propagators>("OTEL_PROPAGATORS");
        reader.lenient::<Attributes>("OTEL_RESOURCE_ATTRIBUTES");
        let Ratio(ratio) = reader.lenient("OTEL_TRACES_SAMPLER_ARG").unwrap_or(Ratio(1.0));
        let Choice(sampler) = reader.lenient("OTEL_TRACES_SAMPLER").unwrap_or(Choice(parent_based_always_on));
        let service_name = reader.optional("OTEL_SERVICE_NAME");
        let endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
        let url = if disabled || exporter == Exporter::None {
            for name in endpoints {
                reader.leave_out(name);
            }
            None
        } else {
            let [of_traces, base] = endpoints.map(|name| reader.optional::<Receiver>(name).map(|Receiver(url)| url));
            of_traces.or_else(|| base.map(of_traces_under))
        };
        Self { url, service_name, sampler: sampler(ratio) }
    }

    /// Where spans are sent to, if they are.
    pub(super) fn url(&self) -> Option<String> {
        self.url.as_ref().map(Url::to_string)
    }
}

/// Where traces are sent to below a receiver for all kinds of telemetry.
fn of_traces_under(mut base: Url) -> Url {
    let path = format!("{}/v1/traces", base.path().trim_end_matches('/'));
    base.set_path(&path);
    base
}

/// Where a receiver of OTLP over HTTP is. A collector stands beside the service, in the same task or on the same host; what
/// leaves the host is its part, and so is TLS.
struct Receiver(Url);

impl FromStr for Receiver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = Form { schemes: &["http"], path: true, example: "http://host:port" };
        base_url(text, form)
            .map(Self)
            .map_err(|problem| format!("{problem}, of a collector beside the service: no TLS is spoken with it"))
    }
}

/// A Boolean value as the specification has it.
struct Flag(bool);

impl FromStr for Flag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err("not one of true, false"),
        }
    }
}

/// Whether spans leave the process.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exporter {
    Otlp,
    None,
}

impl FromStr for Exporter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "otlp" => Ok(Self::Otlp),
            "none" => Ok(Self::None),
            _ => Err("not one of otlp, none"),
        }
    }
}

/// The one protocol that is spoken.
struct Protocol;

impl FromStr for Protocol {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = text.eq_ignore_ascii_case("http/protobuf");
        known.then_some(Self).ok_or("not http/protobuf, the protocol that is spoken (by default on port 4318)")
    }
}

/// The headers by which a trace is known across services.
struct Propagators;

impl FromStr for Propagators {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known =
            |name: &str| ["tracecontext", "baggage", "xray"].contains(&name.trim().to_ascii_lowercase().as_str());
        let taken_up = text.split(',').all(known) && text.to_ascii_lowercase().contains("tracecontext");
        taken_up
            .then_some(Self)
            .ok_or("not tracecontext: traceparent, tracestate and X-Amzn-Trace-Id are what is passed on")
    }
}

/// What the SDK takes apart.
struct Attributes;

impl FromStr for Attributes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pairs =
            text.split_terminator(',').all(|pair| pair.split_once('=').is_some_and(|(key, _)| !key.trim().is_empty()));
        pairs.then_some(Self).ok_or("not a list of key=value")
    }
}

/// How it is decided whether a trace is recorded, for the ratio of `OTEL_TRACES_SAMPLER_ARG`.
struct Choice(fn(f64) -> Sampler);

impl FromStr for Choice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text.to_ascii_lowercase().as_str() {
            "always_on" => |_| Sampler::AlwaysOn,
            "always_off" => |_| Sampler::AlwaysOff,
            "traceidratio" => Sampler::TraceIdRatioBased,
            "parentbased_always_on" => parent_based_always_on,
            "parentbased_always_off" => |_| Sampler::ParentBased(Box::new(Sampler::AlwaysOff)),
            "parentbased_traceidratio" => |ratio| Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))),
            _ => {
                return Err("not one of always_on, always_off, traceidratio, parentbased_always_on, \
                    parentbased_always_off, parentbased_traceidratio");
            }
        }))
    }
}

/// What is done unless something else is wanted: as the caller has decided, and all traces that begin here.
fn parent_based_always_on(_: f64) -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::AlwaysOn))
}

/// A part of all traces.
struct Ratio(f64);

impl FromStr for Ratio {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.map(Self).ok_or("not a number from 0 to 1, such as 0.05 for one trace in twenty")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &'static [(&str, &str)]) -> (Settings, Reader) {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let mut reader = Reader::new(lookup);
        (Settings::read(&mut reader), reader)
    }

    fn url(variables: &'static [(&str, &str)]) -> Option<String> {
        let (settings, mut reader) = read(variables);
        assert_eq!(reader.finish(), Ok(()));
        settings.url()
    }

    #[test]
    fn a_receiver_is_a_plain_base_url() {
        assert_eq!(url(&[]), None);
        assert_eq!(url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), None);
        let found = url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")]);
        assert_eq!(found.as_deref(), Some("http://127.0.0.1:4318/v1/traces"));
        let found = url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.internal:4318/")]);
        assert_eq!(found.as_deref(), Some("http://collector.internal:4318/v1/traces"));
        let found = url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector/otlp")]);
        assert_eq!(found.as_deref(), Some("http://collector/otlp/v1/traces"));
        // The one for traces is taken as it is, and goes first.
        let both =
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:1/x")];
        assert_eq!(url(both).as_deref(), Some("http://b:1/x"));
        for bad in [
            "collector:4318",
            "https://collector:4318",
            "http://me:hunter2@collector",
            "http://collector?key=hunter2",
            "4318",
        ] {
            for variable in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
                let mut reader = Reader::new(move |name| (name == variable).then(|| bad.to_owned()));
                let _ = Settings::read(&mut reader);
                let told = reader.finish().expect_err(bad).to_string();
                assert!(told.contains(&format!("{variable}: has to be")) && !told.contains("hunter2"), "{told}");
            }
        }
    }

    #[test]
    fn traces_are_off_where_the_specification_says_so() {
        const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert_eq!(url(&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")]), None);
        assert_eq!(url(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]), None);
        assert_eq!(url(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), None);
        assert_eq!(url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://away"), ("OTEL_SDK_DISABLED", "true")]), None);
        assert!(url(&[ENDPOINT, ("OTEL_SDK_DISABLED", "false")]).is_some());
        // Only the string that the specification names is true.
        assert!(url(&[ENDPOINT, ("OTEL_SDK_DISABLED", "1")]).is_some());
        assert!(url(&[ENDPOINT, ("OTEL_SDK_DISABLED", "")]).is_some());
        assert!(url(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "otlp")]).is_some());
    }

    #[test]
    fn a_sampler_is_one_of_those_that_the_specification_names() {
        let (settings, mut reader) =
            read(&[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.05")]);
        assert_eq!((reader.finish(), reader.warnings()), (Ok(()), vec![]));
        assert_eq!(format!("{:?}", settings.sampler), "ParentBased(TraceIdRatioBased(0.05))");
        let (settings, _) = read(&[("OTEL_TRACES_SAMPLER", "ALWAYS_OFF")]);
        assert_eq!(format!("{:?}", settings.sampler), "AlwaysOff");
    }

    #[test]
    fn what_is_not_known_is_warned_about_and_ignored() {
        for (variable, value) in [
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_TRACES_SAMPLER", "hunter2"),
            ("OTEL_TRACES_SAMPLER_ARG", "5"),
            ("OTEL_TRACES_SAMPLER_ARG", "half"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
            ("OTEL_SDK_DISABLED", "yes"),
            ("OTEL_TRACES_EXPORTER", "console"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_PROPAGATORS", "b3"),
            ("OTEL_RESOURCE_ATTRIBUTES", "hunter2"),
        ] {
            let mut reader = Reader::new(move |name| match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://127.0.0.1:4318".to_owned()),
                name => (name == variable).then(|| value.to_owned()),
            });
            let settings = Settings::read(&mut reader);
            assert_eq!(reader.finish(), Ok(()), "{variable}={value}");
            let warnings = reader.warnings();
            let [warning] = &warnings[..] else { panic!("{variable}={value}: {warnings:?}") };
            assert!(warning.variable == variable && warning.problem.starts_with("ignored, as it is "), "{warning:?}");
            assert!(!warning.problem.contains("hunter2"), "{warning:?}");
            assert_eq!(format!("{:?}", settings.sampler), "ParentBased(AlwaysOn)");
            assert!(settings.url().is_some());
        }
    }
}
