//! Lambda's reason codes in the words of a person, with what to do.

/// Why a function, a version or an update of it failed. Codes that are newer than this list
/// keep Lambda's own words, and so do those that say more than a code can.
pub(super) fn words(code: &str, reason: &str) -> String {
    let reason = reason.trim().trim_end_matches('.');
    match (known(code), reason) {
        (Some(words), "") => format!("{words} ({code})"),
        (Some(words), reason) => format!("{words} ({code}: {reason})"),
        (None, "") if code.is_empty() => "Lambda gives no reason".to_owned(),
        (None, "") => code.to_owned(),
        (None, reason) if code.is_empty() => reason.to_owned(),
        (None, reason) => format!("{reason} ({code})"),
    }
}

fn known(code: &str) -> Option<&'static str> {
    let network = || network(code);
    let image = || image(code);
    let start = || start(code);
    network()
        .or_else(image)
        .or_else(start)
        .or_else(|| other(code))
}

fn network(code: &str) -> Option<&'static str> {
    Some(match code {
        "EniLimitExceeded" => {
            "the VPC has no network interface left; free some, or have the quota raised"
        }
        "SubnetOutOfIPAddresses" => "a subnet has no free address left; add a larger one",
        "InvalidSubnet" => "a subnet does not exist; correct the function's VPC settings",
        "InvalidSecurityGroup" => {
            "a security group does not exist; correct the function's VPC settings"
        }
        "DisallowedByVpcEncryptionControl" => {
            "the VPC demands encryption that the function's network cannot give"
        }
        "EFSIOError" => "the file system failed to read or write",
        "EFSMountConnectivityError" => {
            "the file system cannot be reached from the function's subnets; look at security groups, port 2049"
        }
        "EFSMountFailure" => {
            "the file system could not be mounted; look at the access point and its permissions"
        }
        "EFSMountTimeout" => "the file system did not answer in time",
        _ => return None,
    })
}

fn image(code: &str) -> Option<&'static str> {
    Some(match code {
        "ImageAccessDenied" => {
            "Lambda may not read the image; the repository's policy must allow lambda.amazonaws.com"
        }
        "ImageDeleted" => "the image was deleted from its repository; push it again",
        "InvalidImage" => {
            "Lambda cannot use the image; it must be built for Lambda, for the function's architecture"
        }
        "InvalidZipFileException" => "the zip file cannot be read; build and release it again",
        "KMSKeyAccessDenied" => {
            "the key that encrypts the function may not be used; look at the key's policy"
        }
        "KMSKeyNotFound" => "the key that encrypts the function does not exist",
        "InvalidStateKMSKey" => "the key that encrypts the function is not in a state to be used",
        "DisabledKMSKey" => "the key that encrypts the function is disabled",
        _ => return None,
    })
}

fn start(code: &str) -> Option<&'static str> {
    Some(match code {
        "FunctionError" => "the code failed while it started; look at its logs",
        "FunctionError.InitTimeout" => "the code took too long to start",
        "FunctionError.RuntimeInitError" => {
            "the runtime could not start the code; is the handler's name right, and everything packed?"
        }
        "FunctionError.ExtensionInitError" => "an extension failed to start",
        "FunctionError.InvalidEntryPoint" => {
            "the image's entry point does not exist or cannot be run"
        }
        "FunctionError.InvalidWorkingDirectory" => "the image's working directory does not exist",
        "FunctionError.PermissionDenied" => {
            "the code's files may not be read or run; look at their modes in the package"
        }
        "FunctionError.TooManyExtensions" => "there are more extensions than Lambda starts",
        "FunctionError.InitResourceExhausted" => {
            "the code needed more memory or disk to start than it has"
        }
        _ => return None,
    })
}

fn other(code: &str) -> Option<&'static str> {
    Some(match code {
        "InsufficientRolePermissions" => {
            "the function's role lacks permissions that its settings need, such as network interfaces in a VPC"
        }
        "InvalidConfiguration" => "the settings contradict each other",
        "InvalidRuntime" => "Lambda does not have this runtime any more; choose a newer one",
        "InternalError" => "Lambda itself failed; deploy again",
        "DependencyError" => "something that the function depends on failed",
        "VcpuLimitExceeded"
        | "CapacityProviderScalingLimitExceeded"
        | "EC2RequestLimitExceeded" => "a quota of the function's capacity provider is used up",
        "InsufficientCapacity" => {
            "AWS has no capacity for the function's capacity provider just now; deploy again later"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_code_is_told_in_words_with_what_lambda_says() {
        assert_eq!(
            words("SubnetOutOfIPAddresses", "subnet-1 is full."),
            "a subnet has no free address left; add a larger one (SubnetOutOfIPAddresses: subnet-1 is full)"
        );
        assert_eq!(
            words("FunctionError.InitTimeout", ""),
            "the code took too long to start (FunctionError.InitTimeout)"
        );
    }

    #[test]
    fn codes_of_tomorrow_keep_lambda_s_own_words() {
        assert_eq!(
            words("NewCode", "Something new."),
            "Something new (NewCode)"
        );
        assert_eq!(words("NewCode", ""), "NewCode");
        assert_eq!(words("", "Something."), "Something");
        assert_eq!(words("", ""), "Lambda gives no reason");
    }
}
