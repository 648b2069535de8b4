//! Whether traces are sent, where to, and of which requests.

use std::str::FromStr;

use opentelemetry_sdk::trace::Sampler;
use reqwest::Url;

use crate::settings::Reader;

/// Whether traces are sent, where to, and of which requests.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    receiver: Option<Receiver>,
    pub(super) service_name: Option<String>,
    pub(super) sampler: Sampler,
}

impl Settings {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT` and what OpenTelemetry's specification has for the rest.
    pub(crate) fn read(reader: &mut Reader) -> Self {
        // It is the SDK that takes it apart; here it is said to be a setting of the service.
        let _ = reader.optional::<String>("OTEL_RESOURCE_ATTRIBUTES");
        let Ratio(ratio) = reader.or("OTEL_TRACES_SAMPLER_ARG", Ratio(1.0));
        let Choice(sampler) = reader.or("OTEL_TRACES_SAMPLER", Choice(parent_based_always_on));
        Self {
            receiver: reader.optional("OTEL_EXPORTER_OTLP_ENDPOINT"),
            service_name: reader.optional("OTEL_SERVICE_NAME"),
            sampler: sampler(ratio),
        }
    }

    /// Where spans are sent to, if they are.
    pub(super) fn url(&self) -> Option<String> {
        let Receiver(base) = self.receiver.as_ref()?;
        Some(format!("{}/v1/traces", base.as_str().trim_end_matches('/')))
    }
}

/// Where a receiver of OTLP over HTTP is.
#[derive(Clone, Debug)]
struct Receiver(Url);

impl FromStr for Receiver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|problem| format!("not a URL: {problem}"))?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        // A collector stands beside the service, in the same task or on the same host. What leaves the host is its part.
        if url.scheme() != "http" || url.host().is_none() || !plain || url.fragment().is_some() {
            return Err(
                "has to be of the form http://host:port, a collector beside the service: no TLS is spoken with it"
                    .to_owned(),
            );
        }
        Ok(Self(url))
    }
}

/// How it is decided whether a trace is recorded, for the ratio of `OTEL_TRACES_SAMPLER_ARG`.
struct Choice(fn(f64) -> Sampler);

impl FromStr for Choice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text {
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

    #[test]
    fn a_receiver_is_a_plain_base_url() {
        assert_eq!(read(&[]).0.url(), None);
        for (base, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector.internal:4318/", "http://collector.internal:4318/v1/traces"),
            ("http://collector/otlp", "http://collector/otlp/v1/traces"),
        ] {
            let receiver: Receiver = base.parse().expect(base);
            let settings = Settings { receiver: Some(receiver), ..read(&[]).0 };
            assert_eq!(settings.url().as_deref(), Some(url));
        }
        for bad in
            ["collector:4318", "https://collector:4318", "http://me:secret@collector", "http://collector?key=1", "4318"]
        {
            let refused = bad.parse::<Receiver>().expect_err(bad);
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn a_sampler_is_one_of_those_that_the_specification_names() {
        let (settings, mut reader) =
            read(&[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.05")]);
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!(format!("{:?}", settings.sampler), "ParentBased(TraceIdRatioBased(0.05))");
        let (_, mut reader) = read(&[("OTEL_TRACES_SAMPLER", "xray"), ("OTEL_TRACES_SAMPLER_ARG", "5")]);
        let told = reader.finish().expect_err("two faults").to_string();
        assert!(
            told.contains("OTEL_TRACES_SAMPLER: not one of") && told.contains("OTEL_TRACES_SAMPLER_ARG: "),
            "{told}"
        );
    }
}
