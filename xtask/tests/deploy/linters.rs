//! Each file, read by the program that uses it, or by a linter.

use std::process::Command;

use serde_json::Value;

use crate::aws::TEMPLATE;
use crate::files::{
    COMPOSE, NODES, SOCKET, UNIT, binary, compose, manifests, read, root, succeed, tool, yaml,
};

#[test]
fn hadolint_reports_nothing_for_the_dockerfile() {
    succeed(tool("hadolint").args(["--failure-threshold", "info", "Dockerfile"]));
}

#[test]
fn shellcheck_reports_nothing_for_the_scripts() {
    let mut shellcheck = Command::new("shellcheck");
    shellcheck.args(["install.sh", ".ci/image", ".ci/run", ".ci/smoke"]);
    succeed(shellcheck.current_dir(root()));
}

#[test]
fn cfn_lint_reports_nothing_for_the_template() {
    succeed(tool("cfn-lint").args(["--include-checks", "I", "--", TEMPLATE]));
}

#[test]
fn the_manifests_are_valid_for_kubernetes() {
    succeed(
        tool("kubernetes-validate")
            .arg("--strict")
            .args(manifests()),
    );
}

/// Docker Compose reads them without a warning, and each of their services is confined.
#[test]
fn every_container_of_the_compose_files_is_restricted() {
    for file in COMPOSE {
        let stack = compose(file);
        for (name, service) in stack["services"].as_object().unwrap() {
            let at = format!("{file}: {name}");
            assert_eq!(service["read_only"], true, "{at}");
            assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{at}");
            assert!(
                service["cap_add"].is_null() && service["privileged"].is_null(),
                "{at}"
            );
            let options = service["security_opt"].to_string();
            assert!(options.contains("no-new-privileges:true"), "{at}");
            assert!(
                !service["mem_limit"].is_null() && !service["pids_limit"].is_null(),
                "{at}"
            );
            let image = service["image"].as_str().unwrap();
            let tag = image.rsplit_once(':').map(|(_, tag)| tag);
            assert!(tag.is_some_and(|tag| tag != "latest"), "{at}: {image}");
            // The image of Doorward sets its user.
            let is_ours = NODES.contains(&name.as_str());
            assert!(is_ours || service["user"].is_string(), "{at}");
            for port in service["ports"].as_array().into_iter().flatten() {
                assert_eq!(
                    port["host_ip"], "127.0.0.1",
                    "{at}: other machines can reach it"
                );
            }
            let is_checked = service["healthcheck"]["test"].is_array();
            assert!(
                is_checked || name == "mailpit",
                "{at}: only its own image has a health check"
            );
        }
        for (_, needed) in stack["services"]["doorward"]["depends_on"]
            .as_object()
            .unwrap()
        {
            assert_eq!(needed["condition"], "service_healthy", "{file}");
        }
    }
}

#[test]
fn kustomize_includes_every_manifest_and_no_secret() {
    let mut listed = Vec::new();
    for folder in ["deploy/kubernetes", "deploy/kubernetes/migrate"] {
        let kustomization = &yaml(&format!("{folder}/kustomization.yaml"))[0];
        assert_eq!(kustomization["kind"], "Kustomization");
        for resource in kustomization["resources"].as_array().unwrap() {
            let path = format!("{folder}/{}", resource.as_str().unwrap());
            assert!(root().join(&path).is_file(), "{path}");
            listed.push(path);
        }
    }
    listed.push("deploy/kubernetes/secret.example.yaml".to_owned());
    listed.sort();
    assert_eq!(listed, manifests());
}

/// The profile "restricted" of Kubernetes' pod security standards.
#[test]
fn every_pod_complies_with_the_restricted_profile() {
    let mut seen = 0;
    for file in manifests() {
        for document in yaml(&file) {
            let pod = &document["spec"]["template"]["spec"];
            if pod.is_null() {
                continue;
            }
            seen += 1;
            let security = &pod["securityContext"];
            assert_eq!(security["runAsNonRoot"], true, "{file}");
            assert_eq!(
                security["seccompProfile"]["type"], "RuntimeDefault",
                "{file}"
            );
            assert_eq!(pod["automountServiceAccountToken"], false, "{file}");
            assert_eq!(pod["enableServiceLinks"], false, "{file}");
            for container in pod["containers"].as_array().unwrap() {
                let security = &container["securityContext"];
                assert_eq!(security["allowPrivilegeEscalation"], false, "{file}");
                assert_eq!(security["readOnlyRootFilesystem"], true, "{file}");
                assert_eq!(
                    security["capabilities"]["drop"],
                    serde_json::json!(["ALL"]),
                    "{file}"
                );
                assert!(
                    container["resources"]["limits"]["memory"].is_string(),
                    "{file}"
                );
            }
            for volume in pod["volumes"].as_array().unwrap() {
                assert_eq!(volume["hostPath"], Value::Null, "{file}");
            }
        }
    }
    assert_eq!(seen, 2, "the deployment and the job");
}

/// The unit, with the path of this run's binary: systemd checks that it exists.
fn unit_with_our_binary() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let binary = binary().display().to_string();
    let unit = read(UNIT).replace("/usr/local/bin/doorward", &binary);
    std::fs::write(folder.path().join("doorward.service"), unit).unwrap();
    std::fs::write(folder.path().join("doorward.socket"), read(SOCKET)).unwrap();
    folder
}

#[test]
fn systemd_reads_the_unit_without_a_warning() {
    let folder = unit_with_our_binary();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no", "--recursive-errors=no"]);
    for name in ["doorward.service", "doorward.socket"] {
        verify.arg(folder.path().join(name));
    }
    let output = succeed(&mut verify);
    let reported = String::from_utf8_lossy(&output.stderr);
    assert!(!reported.contains("doorward."), "{reported}");
}

/// systemd's own exposure score of a service, out of 10. docs/deploy/systemd.md quotes it.
#[test]
fn the_unit_has_a_low_exposure_score() {
    let folder = unit_with_our_binary();
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--no-pager", "--offline=true", "--threshold=15"]);
    succeed(security.arg(folder.path().join("doorward.service")));
    assert!(read("docs/deploy/systemd.md").contains("below 1.5 of 10"));
}
