//! Ports: the way of a request from the balancer to the code, and from one service to the other.

use std::collections::BTreeSet;

use super::{
    Report,
    sources::{Deployed, Sources, setting, shown, whole},
};
use crate::aws::list;

const NETWORK: &str = "deploy/stacks/network.yaml";

/// The ports of the host that Docker chooses from: what `ip_local_port_range` has on Amazon Linux, and what Docker
/// takes where it cannot be read, <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html>.
const DYNAMIC_PORTS: (u64, u64) = (32768, 65535);

/// Task definition and service definition name the port on which the code listens, and no host port.
pub(super) fn container_ports(sources: &Sources, report: &mut Report) {
    for Deployed { service, file, definition, task, .. } in sources.deployed() {
        let port = setting(&task.environment(), "PORT", service.default_port);
        let listens = format!("the {} service listens on {port}", service.name);
        let mapping = &task.container["portMappings"][0];
        report.equal(task.file, "containerPort", &shown(mapping, "/containerPort"), port, &listens);
        report.equal(file, "containerPort", &shown(definition, "/loadBalancers/0/containerPort"), port, &listens);
        report.require(
            whole(mapping, "/hostPort") == Some(0),
            task.file,
            format_args!("hostPort is {}, and an instance runs more than one task", shown(mapping, "/hostPort")),
            "make it 0, so that Docker chooses one for each",
        );
    }
}

/// Each service's target group gets the requests of a balancer, on the service's port.
pub(super) fn listeners(sources: &Sources, report: &mut Report) {
    for deployed in sources.deployed() {
        let Some(listener) = deployed.balancer(sources).and_then(|_| deployed.listener(sources)) else {
            let group = shown(deployed.definition, "/loadBalancers/0/targetGroupArn");
            let found = format_args!("targetGroupArn is {group}, which gets requests from no listener with a balancer");
            report.require(false, deployed.file, found, "name the output with the ARN of a target group that does");
            continue;
        };
        let (port, name) = (deployed.service.default_port, deployed.service.name);
        report.equal(
            listener.file,
            format_args!("Port of {}", listener.name),
            &shown(listener.properties, "/Port"),
            port,
            format_args!("the {name} service is known by {port}"),
        );
    }
}

/// Callers reach the listeners, balancers the tasks, tasks each other and the database: by rules on both sides, where
/// both have rules.
pub(super) fn security_groups(sources: &Sources, report: &mut Report) {
    let (ingress, egress) = ("SecurityGroupIngress", "SecurityGroupEgress");
    let (from, to) = ("SourceSecurityGroupId", "DestinationSecurityGroupId");
    let (balancers, instances, members) = ("BalancerSecurityGroup", "InstanceSecurityGroup", "MemberSecurityGroup");
    let database = "DatabaseSecurityGroup";
    let mut needed = BTreeSet::from([
        (balancers, egress, to, members, DYNAMIC_PORTS),
        (instances, ingress, from, balancers, DYNAMIC_PORTS),
        // Service Connect.
        (instances, egress, to, members, DYNAMIC_PORTS),
        (instances, ingress, from, members, DYNAMIC_PORTS),
    ]);
    for Deployed { service, task, .. } in sources.deployed() {
        let (port, mysql) = (service.default_port.into(), setting(&task.environment(), "DB_PORT", 3306));
        needed.insert((balancers, ingress, "CidrIp", "CallersCidr", (port, port)));
        needed.insert((instances, egress, to, database, (mysql, mysql)));
        needed.insert((database, ingress, from, members, (mysql, mysql)));
    }
    for (name, rules, peer_in, peer, (first, last)) in needed {
        let group = &sources.data(NETWORK)["Resources"][name]["Properties"];
        let open = list(&group[rules], "").iter().any(|rule| {
            rule[peer_in] == peer
                && whole(rule, "/FromPort").is_some_and(|from| from <= first)
                && whole(rule, "/ToPort").is_some_and(|to| last <= to)
        });
        report.require(
            open,
            NETWORK,
            format_args!("{rules} of {name} has no rule for {peer} with the ports {first} to {last}"),
            format_args!("add a rule from FromPort {first} to ToPort {last}"),
        );
    }
}

/// The default of `LocationUrl` is a name that Service Connect gives to a port of the location service's tasks.
pub(super) fn service_connect(sources: &Sources, report: &mut Report) {
    let offered = sources.deployed().flat_map(|deployed| {
        let connect = &deployed.definition["serviceConnectConfiguration"];
        list(connect, "/services").iter().flat_map(|offered| list(offered, "/clientAliases"))
    });
    let aliases: Vec<_> =
        offered.map(|alias| format!("http://{}:{}", shown(alias, "/dnsName"), shown(alias, "/port"))).collect();
    for deployed in sources.deployed() {
        report.require(
            deployed.definition["serviceConnectConfiguration"]["enabled"] == true,
            &format!("deploy/services/{}.json", deployed.service.name),
            "serviceConnectConfiguration is not enabled, and services find each other by it",
            "set enabled to true",
        );
    }
    let template = "deploy/stacks/cluster.yaml";
    let url = shown(sources.data(template), "/Parameters/LocationUrl/Default");
    report.require(
        aliases.contains(&url),
        template,
        format_args!("the default of LocationUrl is {url}, and Service Connect's names are {}", aliases.join(", ")),
        "make one the other: clientAliases in deploy/services/location.json",
    );
}
