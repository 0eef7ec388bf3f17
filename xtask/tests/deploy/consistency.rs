//! Numbers, paths and names that occur in several places agree.

use std::process::Command;

use serde_json::Value;

use crate::files::{
    COMPOSE, CONFIGURATION, SOCKET, binary, compose, directive, image_variables, instruction,
    node_variables, nodes, read, succeed, yaml,
};

/// Pods of the manifests: the deployment's and the job's.
fn pods() -> [Value; 2] {
    ["deployment.yaml", "migrate/job.yaml"].map(|name| {
        let documents = yaml(&format!("deploy/kubernetes/{name}"));
        documents[0]["spec"]["template"]["spec"].clone()
    })
}

fn seconds(text: &str) -> u64 {
    text.trim_end_matches('s').parse().unwrap()
}

/// A number of the code: `const NAME: … = …(30);` or `= 4096;`.
fn constant(file: &str, name: &str) -> u64 {
    let text = read(file);
    let line = text
        .lines()
        .find(|line| line.contains(&format!("const {name}:")))
        .unwrap_or_else(|| panic!("{file}: {name}"));
    let value = line.rsplit('=').next().unwrap();
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn every_deployment_uses_the_same_port() {
    let listen = image_variables()["DOORWARD_LISTEN"].clone();
    let port: u64 = listen.rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(instruction("EXPOSE"), port.to_string());
    for file in COMPOSE {
        let [first, tls] = nodes(file);
        // The second node shares the network of the first one, which publishes its port too.
        assert_eq!(tls["network_mode"], "service:doorward", "{file}");
        let published = |node: &Value| {
            let listen = node_variables(node)["DOORWARD_LISTEN"].clone();
            let port: u64 = listen.rsplit(':').next().unwrap().parse().unwrap();
            let ports = first["ports"].as_array().unwrap();
            let ours = ports.iter().find(|other| other["target"] == port).unwrap();
            ours["published"].as_str().unwrap().to_owned()
        };
        assert_eq!(published(&first), port.to_string(), "{file}");
        assert_eq!(published(&tls), "9443", "{file}");
        for node in [&first, &tls] {
            let public = &node["environment"]["DOORWARD_PUBLIC_URL"];
            assert_eq!(public, "https://localhost:9443", "{file}");
        }
    }
    let [deployment, _] = pods();
    let container = &deployment["containers"][0];
    assert_eq!(container["ports"][0]["containerPort"], port);
    assert_eq!(container["ports"][0]["name"], "http");
    let service = &yaml("deploy/kubernetes/service.yaml")[0];
    assert_eq!(service["spec"]["ports"][0]["targetPort"], "http");
    let policy = &yaml("deploy/kubernetes/networkpolicy.yaml")[0];
    assert_eq!(policy["spec"]["ingress"][0]["ports"][0]["port"], "http");
}

#[test]
fn every_deployment_uses_the_same_unprivileged_user() {
    let user = instruction("USER");
    let (uid, gid) = user.split_once(':').unwrap();
    let uid: u64 = uid
        .parse()
        .expect("a number, so that Kubernetes can see it is not root");
    assert!(uid > 0);
    let copied = crate::files::dockerfile();
    let data = copied
        .iter()
        .find(|(name, rest)| name == "COPY" && rest.ends_with(" /data"));
    assert!(data.unwrap().1.contains(&format!("--chown={user}")));
    for pod in pods() {
        let security = &pod["securityContext"];
        assert_eq!(security["runAsUser"], uid);
        assert_eq!(security["runAsGroup"].to_string(), gid);
    }
}

#[test]
fn every_deployment_uses_the_same_data_folder() {
    let folder = image_variables()["DOORWARD_DATA_DIR"].clone();
    assert_eq!(instruction("VOLUME"), folder);
    assert_eq!(instruction("WORKDIR"), folder);
    for file in COMPOSE {
        for node in nodes(file) {
            assert_eq!(node["volumes"][0]["source"], "doorward", "{file}");
            assert_eq!(node["volumes"][0]["target"], folder, "{file}");
        }
    }
    for pod in pods() {
        assert_eq!(pod["containers"][0]["volumeMounts"][0]["mountPath"], folder);
    }
    let state = format!("/var/lib/{}", directive("StateDirectory")[0]);
    assert_eq!(directive("WorkingDirectory")[0], state);
    assert!(directive("Environment").contains(&format!("DOORWARD_DATA_DIR={state}")));
}

/// The router has the paths of the probes.
#[test]
fn probes_request_existing_paths() {
    let routes = read("crates/web/src/operations/routes.rs");
    let [deployment, _] = pods();
    let container = &deployment["containers"][0];
    for (probe, path) in [
        ("startupProbe", "/readyz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/healthz"),
    ] {
        assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
        assert_eq!(container[probe]["httpGet"]["port"], "http", "{probe}");
        assert!(routes.contains(&format!("\"{path}\"")), "{path}");
    }
}

/// The binary knows each command line of the files.
#[test]
fn deployments_use_existing_commands() {
    let place = "/usr/local/bin/doorward";
    let mut lines: Vec<Vec<String>> = Vec::new();
    let list = |value: &Value| -> Vec<String> {
        let words = value.as_array().unwrap();
        words
            .iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    };
    let parse = |text: &str| list(&serde_json::from_str(text).unwrap());
    assert_eq!(parse(&instruction("ENTRYPOINT")), [place]);
    lines.push([vec![place.to_owned()], parse(&instruction("CMD"))].concat());
    let check = instruction("HEALTHCHECK");
    lines.push(parse(check.split_once("CMD ").unwrap().1));
    for file in COMPOSE {
        for node in nodes(file) {
            lines.push(list(&node["healthcheck"]["test"]).split_off(1));
        }
    }
    for pod in pods() {
        lines.push([vec![place.to_owned()], list(&pod["containers"][0]["args"])].concat());
    }
    let start = &directive("ExecStart")[0];
    lines.push(start.split(' ').map(str::to_owned).collect());
    assert!(lines.len() >= 7);
    for line in lines {
        assert_eq!(line[0], place, "{line:?}");
        succeed(Command::new(binary()).args(&line[1..]).arg("--help"));
    }
    let copied = crate::files::dockerfile();
    assert!(
        copied
            .iter()
            .any(|(name, rest)| name == "COPY" && rest.ends_with(&format!(" {place}")))
    );
}

/// systemd's socket and the unit's configuration have the same address.
#[test]
fn the_socket_has_the_address_of_the_configuration() {
    let socket = read(SOCKET);
    let listen = socket
        .lines()
        .find_map(|line| line.strip_prefix("ListenStream="))
        .unwrap();
    let example = read(CONFIGURATION);
    assert!(example.contains(&format!("\nlisten = \"{listen}\"\n")));
    assert!(!socket.contains("\nAccept="));
    assert_eq!(directive("Type"), ["notify"]);
}

/// A configuration for use behind a proxy sets the trusted proxy, or shows how: otherwise throttling counts all
/// clients as one.
#[test]
fn configurations_behind_a_proxy_name_the_trusted_proxy() {
    let example = read(CONFIGURATION);
    assert!(example.contains("\nlisten = \"127.0.0.1:"));
    assert!(example.contains("\ntrusted_proxies = \"127.0.0.1\"\n"));
    let pods = read("deploy/kubernetes/configmap.yaml");
    assert!(pods.contains("\n  #DOORWARD_TRUSTED_PROXIES: "));
}

/// The longest stop after `shutdown.drain_seconds`: last requests on open connections, requests in
/// flight, background tasks and the last spans.
fn seconds_to_stop() -> u64 {
    [
        ("listener/server.rs", "LATE_REQUEST_GRACE"),
        ("listener/server.rs", "SHUTDOWN_TIMEOUT"),
        ("cli/commands/serve/mod.rs", "FINISH_TIMEOUT"),
        ("telemetry/traces.rs", "FLUSH_TIMEOUT"),
    ]
    .iter()
    .map(|(file, name)| constant(&format!("crates/server/src/{file}"), name))
    .sum()
}

/// The grace period before a kill is longer than Doorward's own, and the same in all files.
#[test]
fn no_server_is_killed_while_requests_finish() {
    let drain = seconds_to_stop();
    let granted = seconds(&directive("TimeoutStopSec")[0]);
    assert!(granted > drain, "{granted} s instead of {drain} s");
    for file in COMPOSE {
        for node in nodes(file) {
            let grace = node["stop_grace_period"].as_str().unwrap();
            assert_eq!(seconds(grace), granted, "{file}");
        }
    }
    for (page, reported) in [
        ("docs/deploy/containers.md", "give it NUMBER seconds"),
        (
            "docs/deploy/load-balancer.md",
            "`drain_seconds` and NUMBER seconds",
        ),
    ] {
        let reported = reported.replace("NUMBER", &granted.to_string());
        assert!(read(page).contains(&reported), "{page}: {reported}");
    }
    let [deployment, _] = pods();
    let settings = &yaml("deploy/kubernetes/configmap.yaml")[0]["data"];
    let pause = settings["DOORWARD_SHUTDOWN__DRAIN_SECONDS"].as_str();
    let grace = deployment["terminationGracePeriodSeconds"]
        .as_u64()
        .unwrap();
    let pause: u64 = pause.unwrap().parse().unwrap();
    // Load balancers notice the end a little later than the pod.
    assert!(pause >= 5 && grace >= granted + pause);
    assert_eq!(instruction("STOPSIGNAL"), "SIGTERM");
}

#[test]
fn the_file_descriptor_limit_covers_every_connection() {
    // The page is generated from the settings.
    let page = read("docs/CONFIGURATION.md");
    let row = page
        .lines()
        .find(|line| line.starts_with("| `limits.connections` |"))
        .unwrap();
    let default = row.split('|').nth(3).unwrap().trim().trim_matches('`');
    let connections: u64 = default.parse().unwrap();
    assert!(directive("LimitNOFILE")[0].parse::<u64>().unwrap() > 2 * connections);
    for file in COMPOSE {
        for node in nodes(file) {
            let limit = &node["ulimits"]["nofile"];
            let soft = limit.as_u64().or_else(|| limit["soft"].as_u64());
            assert!(soft.unwrap() > 2 * connections, "{file}: {limit}");
        }
    }
}

/// Pods do not migrate: the single job does.
#[test]
fn only_the_job_migrates() {
    let data = &yaml("deploy/kubernetes/configmap.yaml")[0]["data"];
    assert_eq!(data["DOORWARD_DATABASE__MIGRATE"], "false");
    let [deployment, job] = pods();
    assert_eq!(
        deployment["containers"][0]["args"],
        serde_json::json!(["serve"])
    );
    assert_eq!(job["containers"][0]["args"], serde_json::json!(["migrate"]));
    let images = ["kustomization.yaml", "migrate/kustomization.yaml"]
        .map(|name| yaml(&format!("deploy/kubernetes/{name}"))[0]["images"].clone());
    assert_eq!(images[0], images[1], "both run the same release");
}

#[test]
fn all_files_name_the_same_releases() {
    let toolchain = read("rust-toolchain.toml");
    let version = toolchain.split('"').nth(1).unwrap();
    let text = read("Dockerfile");
    assert!(
        text.contains(&format!("ARG RUST_VERSION={version}\n")),
        "{version}"
    );
    let (minor, _) = version.rsplit_once('.').unwrap();
    let badge = format!("/badge/rust-{minor}-");
    assert!(read("README.md").contains(&badge), "README.md: {badge}");
    let cargo = read("Cargo.toml");
    let line = cargo
        .lines()
        .find(|line| line.starts_with("version = "))
        .unwrap();
    let release = line.split('"').nth(1).unwrap();
    assert!(
        text.contains(&format!("ARG VERSION={release}\n")),
        "{release}"
    );
    let images = &yaml("deploy/kubernetes/kustomization.yaml")[0]["images"];
    assert_eq!(images[0]["newTag"], release);
}

/// Compose, the job and the pods start Redis without eviction.
#[test]
fn redis_is_configured_to_keep_its_data() {
    for file in COMPOSE {
        let command = compose(file)["services"]["redis"]["command"].to_string();
        for pair in [
            r#""--maxmemory-policy","noeviction""#,
            r#""--appendonly","yes""#,
        ] {
            assert!(command.contains(pair), "{file}: {command}");
        }
    }
}
