"""CloudFormation resource types, and parameters that AWS publishes, which the emulator lacks and templates use.

They are kept by what makes them what they are to other resources: an id that `Ref` gives, and the attributes that `Fn::GetAtt`
gives. Nothing flows through a NAT gateway of the emulator, no list of rules keeps anything out, no capacity provider starts
machines, and nothing scales.
"""

import uuid


def hexadecimal(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:17]}"


def address(_logical_id, _properties, _stack):
    allocation = hexadecimal("eipalloc")
    # 198.51.100.0/24 is kept for documentation: nothing on the internet has such an address.
    public = f"198.51.100.{1 + int(allocation[-4:], 16) % 254}"
    return public, {"AllocationId": allocation, "PublicIp": public}


def nat_gateway(_logical_id, _properties, _stack):
    gateway = hexadecimal("nat")
    return gateway, {"NatGatewayId": gateway}


def flow_log(_logical_id, _properties, _stack):
    log = hexadecimal("fl")
    return log, {"Id": log}


def capacity_provider(logical_id, properties, stack):
    name = properties.get("Name") or f"{stack}-{logical_id}-{uuid.uuid4().hex[:12]}"
    return name, {}


def plain(prefix):
    """What has an id, and nothing else that other resources ask for."""

    def create(_logical_id, _properties, _stack):
        return hexadecimal(prefix), {}

    return create


def network_acl(_logical_id, _properties, _stack):
    acl = hexadecimal("acl")
    return acl, {"Id": acl}


def network_acl_association(_logical_id, _properties, _stack):
    association = hexadecimal("aclassoc")
    return association, {"AssociationId": association}


def scalable_target(_logical_id, properties, _stack):
    kind = [properties[key] for key in ("ResourceId", "ScalableDimension", "ServiceNamespace")]
    return "|".join(kind), {"Id": "|".join(kind)}


def associations(_logical_id, properties, _stack):
    return properties["Cluster"], {}


CREATE = {
    "AWS::EC2::EIP": address,
    "AWS::EC2::NatGateway": nat_gateway,
    "AWS::EC2::FlowLog": flow_log,
    "AWS::EC2::NetworkAcl": network_acl,
    "AWS::EC2::NetworkAclEntry": plain("acle"),
    "AWS::EC2::SubnetNetworkAclAssociation": network_acl_association,
    "AWS::ApplicationAutoScaling::ScalableTarget": scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": plain("policy"),
    "AWS::WAFv2::WebACLAssociation": plain("association"),
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": plain("certificate"),
    "AWS::ECS::CapacityProvider": capacity_provider,
    "AWS::ECS::ClusterCapacityProviderAssociations": associations,
}


def keep(attributes_of):
    """An update keeps the resource. The emulator asks for its attributes again."""

    def update(physical_id, _old, new, stack, logical_id=None):
        _, attributes = attributes_of(logical_id or physical_id, new, stack)
        return physical_id, attributes

    return update


def security_group_rule(is_egress):
    """A rule of a security group as a resource of its own: two groups that name each other need it."""
    from ministack.services import ec2
    from ministack.services.cloudformation import provisioners

    rules = "IpPermissionsEgress" if is_egress else "IpPermissions"

    def create(_logical_id, properties, _stack):
        group = ec2._security_groups.get(properties["GroupId"])
        if group is None:
            raise ValueError(f"The security group '{properties['GroupId']}' does not exist")
        (rule,) = provisioners._ec2_sg_permissions([properties])
        rule["SecurityGroupRuleId"] = hexadecimal("sgr")
        group[rules].append(rule)
        return rule["SecurityGroupRuleId"], {"Id": rule["SecurityGroupRuleId"]}

    def delete(rule_id, properties):
        group = ec2._security_groups.get(properties.get("GroupId"))
        if group:
            group[rules] = [rule for rule in group[rules] if rule.get("SecurityGroupRuleId") != rule_id]

    def update(rule_id, old, new, stack, logical_id=None):
        if old == new:
            return rule_id, {"Id": rule_id}
        made = create(logical_id, new, stack)
        delete(rule_id, old)
        return made

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}


def with_numbers(handler):
    """A service whose desired count comes from a parameter, and so as text."""

    def counted(properties):
        return {**properties, "DesiredCount": int(properties["DesiredCount"])} if "DesiredCount" in properties else properties

    create, update = handler["create"], handler["update"]
    return {
        **handler,
        "create": lambda logical_id, properties, stack: create(logical_id, counted(properties), stack),
        "update": lambda physical_id, old, new, *rest, **more: update(physical_id, counted(old), counted(new), *rest, **more),
    }


# Where AWS publishes the newest machine image for container instances.
MACHINE_IMAGES = {
    f"/aws/service/ecs/optimized-ami/amazon-linux-2023{architecture}/recommended/image_id": image
    for architecture, image in {"": "ami-0c2023a1b2c3d4e5f", "/arm64": "ami-0c2023a1b2c3d4e5a"}.items()
}


def know_more():
    from ministack.services import ssm
    from ministack.services.cloudformation import provisioners

    ssm._PUBLIC_AMI_PARAMETERS.update(MACHINE_IMAGES)

    types = provisioners._RESOURCE_HANDLERS
    types["AWS::ECS::Service"] = with_numbers(types["AWS::ECS::Service"])
    types.setdefault("AWS::EC2::SecurityGroupIngress", security_group_rule(is_egress=False))
    types.setdefault("AWS::EC2::SecurityGroupEgress", security_group_rule(is_egress=True))
    for name, create in CREATE.items():
        handler = {
            "create": create,
            "update": keep(create),
            "update_with_logical_id": True,
            "delete": lambda _physical_id, _properties: None,
        }
        types.setdefault(name, handler)
