//! Ports: a request finds its way from the balancer to the code, and from one service to the other, or it does not.

use serde_json::Value;

use super::{
    Broken, Relation,
    sources::{COMPOSE, Deployed, HAPROXY, SWARM, Sources, environment, prefix, setting, shown, whole},
};
use crate::aws::{list, text};

pub(super) const RELATIONS: &[Relation] = &[
    tasks_listen_where_they_are_mapped,
    balancers_forward_to_tasks,
    security_groups_let_requests_through,
    the_user_service_finds_the_location_service,
    the_topology_is_on_the_same_ports,
];

/// The ports of the host that Docker chooses from: what `ip_local_port_range` has on Amazon Linux, and what Docker
/// takes where it cannot be read, <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html>.
const DYNAMIC_PORTS: (u64, u64) = (32768, 65535);

/// Task definition, service definition and Dockerfile name the port on which the code listens, and no host port.
fn tasks_listen_where_they_are_mapped(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for deployed in sources.deployed() {
        let Deployed { service, ref file, definition, task, .. } = deployed;
        let port = deployed.port();
        let listens = format!("the {} service listens on {port}", service.name);
        let make = format!("make it {port}");
        let mapping = "/portMappings/0";
        if whole(task.container, &format!("{mapping}/containerPort")) != Some(port.into()) {
            let found = shown(task.container, &format!("{mapping}/containerPort"));
            broken.push(Broken::new(task.file, format!("containerPort is {found}, and {listens}"), &make));
        }
        if whole(task.container, &format!("{mapping}/hostPort")) != Some(0) {
            let found = shown(task.container, &format!("{mapping}/hostPort"));
            broken.push(Broken::new(
                task.file,
                format!("hostPort is {found}, and an instance runs more than one task"),
                "make it 0, so that Docker chooses one for each",
            ));
        }
        if whole(definition, "/loadBalancers/0/containerPort") != Some(port.into()) {
            let found = shown(definition, "/loadBalancers/0/containerPort");
            broken.push(Broken::new(file, format!("containerPort is {found}, and {listens}"), &make));
        }
        let image = format!("docker/{}/Dockerfile", service.name);
        let exposed = sources.text(&image).lines().find_map(|line| line.strip_prefix("EXPOSE ")).unwrap_or("nothing");
        if exposed != service.default_port.to_string() {
            broken.push(Broken::new(
                image,
                format!("EXPOSE is {exposed}, and the {} service listens on {}", service.name, service.default_port),
                format!("make it {}", service.default_port),
            ));
        }
    }
    broken
}

/// Each service's target group has a listener, on the service's port, with a balancer; the URL that is told is of it.
fn balancers_forward_to_tasks(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for deployed in sources.deployed() {
        let Some(group) = deployed.target_group(sources) else {
            let found = shown(deployed.definition, "/loadBalancers/0/targetGroupArn");
            let remedy = "name the output of a stack that gives the ARN of a target group";
            broken.push(Broken::new(
                &deployed.file,
                format!("targetGroupArn is {found}, which is no target group"),
                remedy,
            ));
            continue;
        };
        let (Some(listener), Some(balancer)) = (deployed.listener(sources), deployed.balancer(sources)) else {
            let found = format!("{} gets requests from no listener with a balancer", group.name);
            broken.push(Broken::new(group.file, found, "make it the TargetGroupArn of a listener's DefaultActions"));
            continue;
        };
        let (port, name) = (deployed.service.default_port, deployed.service.name);
        if whole(listener.properties, "/Port") != Some(port.into()) {
            broken.push(Broken::new(
                listener.file,
                format!(
                    "Port of {} is {}, and the {name} service is known by {port}",
                    listener.name,
                    shown(listener.properties, "/Port")
                ),
                format!("make it {port}"),
            ));
        }
        let output = format!("{}BalancerUrl", prefix(deployed.service));
        let url = sources.output(&output).map(|(_, value)| value.as_str().unwrap_or_else(|| text(value, "/0")));
        let wanted = format!("${{{}.DNSName}}:{}", balancer.name, shown(listener.properties, "/Port"));
        if !url.is_some_and(|url| url.ends_with(&wanted)) {
            broken.push(Broken::new(
                listener.file,
                format!(
                    "the output {output} is {}, and {} listens at {wanted}",
                    url.unwrap_or("not there"),
                    listener.name
                ),
                format!("end it with {wanted}"),
            ));
        }
    }
    broken
}

/// What a rule of a security group is about: from or to whom, and on which ports.
struct Way<'a> {
    group: &'a str,
    rules: &'a str,
    peer_in: &'a str,
    peer: &'a str,
    ports: (u64, u64),
    who: String,
}

/// Callers reach the listeners, balancers the tasks, tasks each other and the database: each on both sides, where both
/// have rules.
fn security_groups_let_requests_through(sources: &Sources) -> Vec<Broken> {
    let mut ways = Vec::new();
    let mut way = |group, rules, peer_in, peer, ports, who: &str| {
        ways.push(Way { group, rules, peer_in, peer, ports, who: who.to_owned() });
    };
    let (ingress, egress) = ("SecurityGroupIngress", "SecurityGroupEgress");
    let (from, to) = ("SourceSecurityGroupId", "DestinationSecurityGroupId");
    let (balancers, instances, members) = ("BalancerSecurityGroup", "InstanceSecurityGroup", "MemberSecurityGroup");
    for deployed in sources.deployed() {
        let port = deployed.listener(sources).and_then(|listener| whole(listener.properties, "/Port"));
        if let Some(port) = port {
            let who = format!("callers of the {} service", deployed.service.name);
            way(balancers, ingress, "CidrIp", "CallersCidr", (port, port), &who);
        }
        let database: u64 = setting::<u16>(&deployed.task.environment(), "DB_PORT", 3306).into();
        let who = format!("tasks of the {} service to the database", deployed.service.name);
        way(instances, egress, to, "DatabaseSecurityGroup", (database, database), &who);
        way("DatabaseSecurityGroup", ingress, from, members, (database, database), &who);
    }
    way(balancers, egress, to, members, DYNAMIC_PORTS, "balancers to tasks");
    way(instances, ingress, from, balancers, DYNAMIC_PORTS, "balancers to tasks");
    way(instances, egress, to, members, DYNAMIC_PORTS, "tasks to each other, by Service Connect");
    way(instances, ingress, from, members, DYNAMIC_PORTS, "tasks to each other, by Service Connect");
    let mut broken: Vec<Broken> = ways.iter().filter_map(|way| way_is_closed(sources, way)).collect();

    // Both groups stand for the same instances, so that they have to carry both.
    for template in sources.resources("AWS::EC2::LaunchTemplate") {
        let carried = shown(template.properties, "/LaunchTemplateData/SecurityGroupIds");
        for group in [instances, members].iter().filter(|group| !carried.contains(&format!("-{group}\""))) {
            broken.push(Broken::new(
                template.file,
                format!("SecurityGroupIds of {} is {carried}, without {group}", template.name),
                "add it, as the rules of the network count on it",
            ));
        }
    }
    broken
}

fn way_is_closed(sources: &Sources, way: &Way) -> Option<Broken> {
    let group = sources.resources("AWS::EC2::SecurityGroup").find(|group| group.name == way.group)?;
    let rules = list(group.properties, &format!("/{}", way.rules));
    let rules = rules.iter().filter(|rule| text(rule, &format!("/{}", way.peer_in)) == way.peer);
    let ranges: Vec<_> = rules.filter_map(|rule| Some((whole(rule, "/FromPort")?, whole(rule, "/ToPort")?))).collect();
    let (first, last) = way.ports;
    if ranges.iter().any(|(from, to)| *from <= first && last <= *to) {
        return None;
    }
    let found = match &ranges[..] {
        [] => "has no rule".to_owned(),
        ranges => {
            let ranges: Vec<_> = ranges.iter().map(|(from, to)| format!("{from}-{to}")).collect();
            format!("has {}", ranges.join(" and "))
        }
    };
    let ports = if first == last { first.to_string() } else { format!("{first}-{last}") };
    Some(Broken::new(
        group.file,
        format!("{} of {} {found} for {}, and {} need {ports}", way.rules, way.group, way.peer, way.who),
        format!("add a rule from FromPort {first} to ToPort {last}"),
    ))
}

/// The default of `LocationUrl` is a name that Service Connect gives to a port of the location service's tasks.
fn the_user_service_finds_the_location_service(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut aliases = Vec::new();
    for Deployed { file, definition, task, .. } in sources.deployed() {
        for offered in list(definition, "/serviceConnectConfiguration/services") {
            let port = text(offered, "/portName");
            let mapped = list(task.container, "/portMappings");
            if !mapped.iter().any(|mapping| text(mapping, "/name") == port) {
                broken.push(Broken::new(
                    &file,
                    format!(
                        "portName of Service Connect is {port}, and no port mapping in {} has that name",
                        task.file
                    ),
                    "name one that is there",
                ));
            }
            for alias in list(offered, "/clientAliases") {
                aliases.push(format!("http://{}:{}", text(alias, "/dnsName"), shown(alias, "/port")));
            }
        }
        if definition.pointer("/serviceConnectConfiguration/enabled") != Some(&Value::Bool(true)) {
            let found = "serviceConnectConfiguration is not enabled, and services find each other by it";
            broken.push(Broken::new(&file, found, "set enabled to true"));
        }
    }
    let template = "deploy/stacks/cluster.yaml";
    let url = shown(sources.data(template), "/Parameters/LocationUrl/Default");
    if !aliases.contains(&url) {
        broken.push(Broken::new(
            template,
            format!("the default of LocationUrl is {url}, and Service Connect's names are {}", aliases.join(", ")),
            "make one the other: clientAliases in deploy/services/location.json",
        ));
    }
    broken
}

/// The topology's balancers listen on the services' ports, publish them, and are where `LOCATION_URL` says, under Compose
/// and under Swarm.
fn the_topology_is_on_the_same_ports(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (line, end) in [("bind", "\":${PORT}\""), ("server-template", "\"${SERVICE}:${PORT}\"")] {
        let there = sources.text(HAPROXY).lines().any(|found| found.trim().starts_with(line) && found.ends_with(end));
        if !there {
            let found = format!("no `{line}` is for {end}, which {COMPOSE} and {SWARM} set for each balancer");
            broken.push(Broken::new(HAPROXY, found, format!("end the line with {end}")));
        }
    }
    for (file, name, balancer) in sources.compose_services() {
        let settings = environment(balancer);
        let (Some(of), Some(port)) = (settings.get("SERVICE"), settings.get("PORT")) else { continue };
        let Some(tasks) = sources.composed().find(|composed| composed.file == file && composed.name == of) else {
            let found = format!("SERVICE of {name} is {of}, which runs no image of a service");
            broken.push(Broken::new(file, found, "make it the name of one that does"));
            continue;
        };
        let listens = setting(&tasks.environment(), "PORT", tasks.service.default_port).to_string();
        if *port != listens {
            let found = format!("PORT of {name} is {port}, and {of} listens on {listens}");
            broken.push(Broken::new(file, found, format!("make it {listens}")));
        }
        if !list(balancer, "/ports").iter().any(|published| publishes(sources, published, &listens)) {
            let found = format!("ports of {name} are {}, and {of} listens on {listens}", shown(balancer, "/ports"));
            broken.push(Broken::new(file, found, format!("publish {listens} as {listens}")));
        }
    }
    for composed in sources.serving() {
        let Some(url) = composed.environment().remove("LOCATION_URL") else { continue };
        let there = sources.compose_services().any(|(file, name, balancer)| {
            let port = environment(balancer).remove("PORT");
            file == composed.file && port.is_some_and(|port| url == format!("http://{name}:{port}"))
        });
        if !there {
            let found = format!("LOCATION_URL of {} is {url}, where no balancer listens", composed.name);
            broken.push(Broken::new(composed.file, found, "make it http://, the name of a balancer, and its PORT"));
        }
    }
    broken
}

/// Whether an item of `ports` publishes that port under its own number, unless another one is asked for: as Compose has
/// it, or as Swarm has it, where docker/swarm.sh knows the number.
fn publishes(sources: &Sources, published: &Value, port: &str) -> bool {
    match published.as_str() {
        Some(published) => published.ends_with(&format!(":-{port}}}:{port}")),
        None => shown(published, "/target") == port && sources.with_defaults(text(published, "/published")) == port,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::assert_told, *};

    const NETWORK: &str = "deploy/stacks/network.yaml";
    const CLUSTER: &str = "deploy/stacks/cluster.yaml";

    #[test]
    fn another_port_than_the_codes_is_told() {
        let relation = tasks_listen_where_they_are_mapped;
        let rest = "and the location service listens on 8081: make it 8081";
        let change = ["\"containerPort\": 8081", "\"containerPort\": 8080"];
        for file in ["deploy/tasks/location.json", "deploy/services/location.json"] {
            assert_told(relation, file, change[0], change[1], &[&format!("{file}: containerPort is 8080, {rest}")]);
        }
        let file = "docker/location/Dockerfile";
        assert_told(relation, file, "EXPOSE 8081", "EXPOSE 80", &[&format!("{file}: EXPOSE is 80, {rest}")]);
        let told = "deploy/tasks/user.json: hostPort is 9091, and an instance runs more than one task: make it 0, so \
                    that Docker chooses one for each";
        assert_told(relation, "deploy/tasks/user.json", "\"hostPort\": 0", "\"hostPort\": 9091", &[told]);
        // What the task sets counts, not the code's default.
        let told = [
            "deploy/tasks/user.json: containerPort is 9091, and the user service listens on 80: make it 80",
            "deploy/services/user.json: containerPort is 9091, and the user service listens on 80: make it 80",
        ];
        let set = r#""environment": [{ "name": "PORT", "value": "80" },"#;
        assert_told(relation, "deploy/tasks/user.json", "\"environment\": [", set, &told);
    }

    #[test]
    fn a_balancer_that_leads_elsewhere_is_told() {
        let relation = balancers_forward_to_tasks;
        let told = [
            "deploy/stacks/cluster.yaml: Port of LocationListener is 80, and the location service is known by 8081: \
             make it 8081",
            "deploy/stacks/cluster.yaml: the output LocationBalancerUrl is \
             ${Scheme}://${LocationBalancer.DNSName}:8081, and LocationListener listens at \
             ${LocationBalancer.DNSName}:80: end it with ${LocationBalancer.DNSName}:80",
        ];
        let balancer = "LoadBalancerArn: !Ref LocationBalancer\n      Port: ";
        assert_told(relation, CLUSTER, &format!("{balancer}8081"), &format!("{balancer}80"), &told);
        let told = "deploy/stacks/cluster.yaml: UserTargetGroup gets requests from no listener with a balancer: make \
                    it the TargetGroupArn of a listener's DefaultActions";
        let change = ["TargetGroupArn: !Ref UserTargetGroup", "TargetGroupArn: !Ref LocationTargetGroup"];
        assert_told(relation, CLUSTER, change[0], change[1], &[told]);
        let told = "deploy/services/user.json: targetGroupArn is ${UserGroupArn}, which is no target group: name the \
                    output of a stack that gives the ARN of a target group";
        assert_told(relation, "deploy/services/user.json", "UserTargetGroupArn", "UserGroupArn", &[told]);
    }

    #[test]
    fn a_closed_way_is_told() {
        let relation = security_groups_let_requests_through;
        let told = "deploy/stacks/network.yaml: SecurityGroupIngress of InstanceSecurityGroup has 49153-65535 for \
                    BalancerSecurityGroup, and balancers to tasks need 32768-65535: add a rule from FromPort 32768 to \
                    ToPort 65535";
        let rule = |from: &str| {
            format!(
                "FromPort: {from}\n          ToPort: 65535\n          SourceSecurityGroupId: !Ref BalancerSecurityGroup"
            )
        };
        assert_told(relation, NETWORK, &rule("32768"), &rule("49153"), &[told]);
        let told = "deploy/stacks/network.yaml: SecurityGroupIngress of BalancerSecurityGroup has 9091-9091 for \
                    CallersCidr, and callers of the location service need 8081: add a rule from FromPort 8081 to \
                    ToPort 8081";
        let rule = "- {IpProtocol: tcp, FromPort: 8081, ToPort: 8081, CidrIp: !Ref CallersCidr, Description: The \
                    location service}";
        assert_told(relation, NETWORK, rule, "", &[told]);
        let told = ["location", "user"].map(|name| {
            format!(
                "deploy/stacks/network.yaml: SecurityGroupIngress of DatabaseSecurityGroup has no rule for \
                 MemberSecurityGroup, and tasks of the {name} service to the database need 3306: add a rule from \
                 FromPort 3306 to ToPort 3306"
            )
        });
        let rule = |from: &str| format!("ToPort: 3306\n          SourceSecurityGroupId: !Ref {from}");
        let told = told.each_ref().map(String::as_str);
        assert_told(relation, NETWORK, &rule("MemberSecurityGroup"), &rule("BalancerSecurityGroup"), &told);
        let carried = |names: &str| {
            format!(
                "deploy/stacks/capacity.yaml: SecurityGroupIds of LaunchTemplate is \
                 [{{\"Fn::ImportValue\":\"${{Name}}-network-InstanceSecurityGroup\"}}], without {names}: add it, as \
                 the rules of the network count on it"
            )
        };
        let group = "          - Fn::ImportValue: !Sub \"${Name}-network-MemberSecurityGroup\"\n";
        assert_told(relation, "deploy/stacks/capacity.yaml", group, "", &[&carried("MemberSecurityGroup")]);
    }

    #[test]
    fn a_name_that_service_connect_does_not_give_is_told() {
        let relation = the_user_service_finds_the_location_service;
        let told = |url: &str, alias: &str| {
            format!(
                "{CLUSTER}: the default of LocationUrl is {url}, and Service Connect's names are {alias}: make one the \
                 other: clientAliases in deploy/services/location.json"
            )
        };
        let (url, file) = ("http://location:8081", "deploy/services/location.json");
        assert_told(relation, CLUSTER, url, "http://places:8081", &[&told("http://places:8081", url)]);
        assert_told(relation, file, "\"port\": 8081", "\"port\": 80", &[&told(url, "http://location:80")]);
        let told = "deploy/services/location.json: portName of Service Connect is web, and no port mapping in \
                    deploy/tasks/location.json has that name: name one that is there";
        assert_told(relation, file, "\"portName\": \"http\"", "\"portName\": \"web\"", &[told]);
        let told = "deploy/services/location.json: serviceConnectConfiguration is not enabled, and services find each \
                    other by it: set enabled to true";
        assert_told(relation, file, "\"enabled\": true", "\"enabled\": false", &[told]);
    }

    #[test]
    fn another_port_in_the_topology_is_told() {
        let relation = the_topology_is_on_the_same_ports;
        let told = [
            "docker/compose.yaml: PORT of location-balancer is 80, and location listens on 8081: make it 8081",
            "docker/compose.yaml: LOCATION_URL of user is http://location-balancer:8081, where no balancer listens: \
             make it http://, the name of a balancer, and its PORT",
        ];
        assert_told(relation, COMPOSE, "location, PORT: \"8081\"", "location, PORT: \"80\"", &told);
        let told = "docker/compose.yaml: ports of user-balancer are [\"127.0.0.1:${USER_PORT:-9091}:80\",\"127.0.0.1:\
                    ${USER_STATS_PORT:-8405}:8404\"], and user listens on 9091: publish 9091 as 9091";
        assert_told(relation, COMPOSE, "${USER_PORT:-9091}:9091", "${USER_PORT:-9091}:80", &[told]);
        let told = "docker/swarm/stack.yaml: ports of user-balancer are [{\"mode\":\"host\",\"published\":\
                    \"${USER_PORT}\",\"target\":9091},{\"mode\":\"host\",\"published\":\
                    \"${USER_STATS_PORT}\",\"target\":8404}], and user listens on 9091: publish 9091 as 9091";
        assert_told(relation, "docker/preparation.sh", "${USER_PORT:-9091}", "${USER_PORT:-80}", &[told]);
        let told = [
            "docker/swarm/stack.yaml: PORT of location-balancer is 80, and location listens on 8081: make it 8081",
            "docker/swarm/stack.yaml: LOCATION_URL of user is http://location-balancer:8081, where no balancer \
             listens: make it http://, the name of a balancer, and its PORT",
        ];
        assert_told(relation, SWARM, "location, PORT: \"8081\"", "location, PORT: \"80\"", &told);
        let told = "docker/compose.yaml: SERVICE of user-balancer is users, which runs no image of a service: make it \
                    the name of one that does";
        assert_told(relation, COMPOSE, "SERVICE: user,", "SERVICE: users,", &[told]);
        let told = "docker/balancer/haproxy.cfg: no `server-template` is for \"${SERVICE}:${PORT}\", which \
                    docker/compose.yaml and docker/swarm/stack.yaml set for each balancer: end the line with \"${SERVICE}:${PORT}\"";
        assert_told(relation, HAPROXY, "\"${SERVICE}:${PORT}\"", "\"${SERVICE}:8081\"", &[told]);
    }
}
