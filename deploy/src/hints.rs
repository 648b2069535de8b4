//! Causes and remedies of what the aws CLI refuses, by its own words.

use super::aws::Aws;
use crate::say;

/// Codes with which a local AWS answers an operation that it does not implement. Others name what is wrong with a request.
const NOT_IMPLEMENTED: [&str; 6] = [
    "InternalFailure",
    "InvalidAction",
    "NotImplemented",
    "UnknownOperation",
    "UnknownOperationException",
    "UnsupportedOperation",
];

/// Words of the CLI, and what they mean. The first that fits counts.
const CAUSES: [(&[&str], &str); 7] = [
    (
        &["SSO session", "SSO Token", "Token has expired", "ExpiredToken", "RequestExpired", "ForbiddenException"],
        "the login at AWS has expired: `aws sso login` renews it where it is one of IAM Identity Center (with AWS_PROFILE \
         where you use one); other credentials have to be made again. Then give the same command again",
    ),
    (
        &["Signature expired", "Signature not yet current", "RequestTimeTooSkewed"],
        "the clock of this machine is wrong, and AWS accepts no request that is signed with another time: set the clock",
    ),
    (
        &["config profile", "Unable to parse config file"],
        "the configuration of the aws CLI does not fit: AWS_PROFILE names none of the profiles in ~/.aws/config, or that \
         file cannot be read",
    ),
    (
        &["Unable to locate credentials", "Partial credentials"],
        "there are no credentials for AWS: `aws configure`, `aws sso login`, or AWS_PROFILE give them; without an account, \
         `make local-aws` runs a local AWS",
    ),
    (
        &["Failed to connect to proxy", "Could not connect to proxy"],
        "the proxy that HTTPS_PROXY or HTTP_PROXY names does not answer: set it right, or unset it",
    ),
    (
        &["SSL validation failed", "CERTIFICATE_VERIFY_FAILED"],
        "the certificate that answers for AWS is not signed by a known authority: a proxy on the way needs its own, in the \
         file that AWS_CA_BUNDLE names",
    ),
    (
        &["InvalidClientTokenId", "UnrecognizedClient", "SignatureDoesNotMatch", "AuthFailure", "InvalidAccessKeyId"],
        "AWS does not accept the credentials: they are wrong, were deleted, or are those of another partition than the \
         region's",
    ),
];

/// What helps where the CLI, called with `arguments`, said `said` with the error `code`; none where its words are enough.
pub(crate) fn hint(aws: &Aws, arguments: &[&str], code: &str, said: &str) -> Option<String> {
    if said.contains("Could not connect") || said.contains("Connect timeout") || said.contains("Invalid endpoint") {
        return Some(unreachable(aws));
    }
    if said.contains("doesn't match a supported format") {
        return Some(no_region(aws));
    }
    if let Some(endpoint) = &aws.local
        && (NOT_IMPLEMENTED.contains(&code) || (!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit())))
    {
        let [service, operation, ..] = arguments else { return None };
        return Some(format!(
            "the local AWS at {endpoint} does not implement {} (`aws {service} {operation}`): this part is for AWS itself, \
             with a login there and AWS_ENDPOINT_URL unset",
            name_of(service)
        ));
    }
    let (_, cause) = CAUSES.iter().find(|(words, _)| words.iter().any(|word| said.contains(word)))?;
    Some((*cause).to_owned())
}

fn unreachable(aws: &Aws) -> String {
    match &aws.local {
        Some(endpoint) => format!(
            "no local AWS answers at AWS_ENDPOINT_URL={endpoint}: start it with `make local-aws`, or unset the variable to \
             reach AWS itself"
        ),
        None => no_region(aws),
    }
}

fn no_region(aws: &Aws) -> String {
    format!(
        "AWS does not answer for the region {}: is that its name (AWS_REGION, or `aws configure set region eu-west-1`)? Else \
         there is no way to the internet",
        say::quoted(&aws.region)
    )
}

/// The service's name in AWS's own documents.
fn name_of(service: &str) -> &str {
    match service {
        "application-autoscaling" => "Application Auto Scaling",
        "scheduler" => "EventBridge Scheduler",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_the_cli_has_its_own_cause_and_remedy() {
        let real = Aws::for_tests(None);
        let local = Aws::for_tests(Some("http://127.0.0.1:4566"));
        let call = ["application-autoscaling", "register-scalable-target"];
        for (aws, code, said, helps) in [
            (&real, "", "Error loading SSO Token: Token for x does not exist", "aws sso login"),
            (&real, "", "The SSO session associated with this profile has expired or is otherwise invalid.", "expired"),
            (&real, "ExpiredToken", "An error occurred (ExpiredToken) when calling X", "expired"),
            (&real, "SignatureDoesNotMatch", "(SignatureDoesNotMatch) … Signature expired: 2020", "clock"),
            (&real, "", "The config profile (nope) could not be found", "AWS_PROFILE"),
            (&real, "", "Unable to locate credentials", "make local-aws"),
            (&real, "", "Failed to connect to proxy URL: \"http://127.0.0.1:9\"", "HTTPS_PROXY"),
            (&real, "InvalidClientTokenId", "(InvalidClientTokenId)", "does not accept the credentials"),
            (&real, "", "Provided region_name 'eu west' doesn't match a supported format.", "AWS_REGION"),
            (&local, "", "Could not connect to the endpoint URL: \"x\"", "make local-aws"),
            (&local, "400", "An error occurred (400) when calling X", "Application Auto Scaling"),
        ] {
            let told = hint(aws, &call, code, said).unwrap_or_default();
            assert!(told.contains(helps), "{said}: {told}");
        }
        let denied = "An error occurred (AccessDenied) when calling X: User u is not authorized to perform: y";
        assert_eq!(hint(&real, &call, "AccessDenied", denied), None, "the CLI says all there is to say");
        assert_eq!(hint(&real, &call, "400", "An error occurred (400)"), None);
    }
}
