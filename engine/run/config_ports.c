/* SPDX-License-Identifier: BSD-3-Clause */
/* The sections that describe where the engine stands: workers, ports with their
 * VLANs and addresses, routes. */
#include "engine/run/addr_text.h"
#include "engine/run/config_reader.h"

#define IPV6_MTU_MIN 1280 /* RFC 8200 section 5 */

static const struct config_key cpu_row = {"cpu",     .kind = CONFIG_COUNT, .size = sizeof(int16_t),
					  .unit = 1, .store = 1,           .max = INT16_MAX};

static bool read_cpu(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf *conf = field;
	int16_t cpu;

	if (!config_value(r, &cpu_row, node, &cpu))
		return false;
	for (uint16_t i = 0; i < conf->nb_workers; i++) {
		if (conf->worker_cpu[i] == cpu)
			return config_fail(r, node, "CPU %d is already worker %u's: name it once",
					   cpu, i);
	}
	conf->worker_cpu[conf->nb_workers++] = cpu;
	return true;
}

static bool read_cpus(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf *conf = field;
	uint16_t count = conf->nb_workers;

	conf->nb_workers = 0;
	if (!config_list(r, node, 1, CONF_MAX_WORKERS, read_cpu, conf))
		return false;
	if (count != 0 && count != conf->nb_workers)
		return config_fail(r, node, "names %u CPUs for a count of %u: leave count out",
				   conf->nb_workers, count);
	return true;
}

/* cpus comes after count, which it replaces. */
static const struct config_key worker_keys[] = {
    {"count", CONFIG_ROW_COUNT(struct conf, nb_workers, 1, CONF_MAX_WORKERS, 1)},
    {"cpus", CONFIG_ROW_SELF(read_cpus)},
    {"idle_sleep_us", CONFIG_ROW_TIME(struct conf, idle_sleep_us, 1, 1, 0, 1000000, 50)},
    {"share_cpu", CONFIG_ROW_BOOL(struct conf, share_cpu, true)},
    {0},
};

bool config_read_workers(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf *conf = field;

	r->file->workers_line = config_line(node);
	for (unsigned i = 0; i < CONF_MAX_WORKERS; i++)
		conf->worker_cpu[i] = -1;
	return config_map(r, node, worker_keys, conf);
}

/* The networks of fe80::/10 have no routes; each interface may have one. */
static bool is_link_local(const struct ipaddr *addr)
{
	return addr->family == IP_V6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

/* Of two interfaces of a port with the same network none is the one that a host of it is on. */
static bool check_network_alone(struct config_reader *r, const yaml_node_t *node,
				const struct conf_iface *iface, const struct ipaddr *addr,
				unsigned prefix_len)
{
	const struct conf *conf = r->conf;
	char text[ADDR_TEXT_MAX];

	for (uint16_t i = 0; i < conf->nb_addrs; i++) {
		const struct conf_addr *a = &conf->addrs[i];
		const struct conf_iface *other = &conf->ifaces[a->iface];

		if (other == iface || other->port != iface->port ||
		    a->addr.family != addr->family || a->prefix_len != prefix_len ||
		    !ipaddr_prefix_match(&a->addr, addr, prefix_len) || is_link_local(addr))
			continue;
		return config_fail(r, node,
				   "%s/%u is of the same network as the address on line %d, on "
				   "the same port with another VLAN tag or none: give each a "
				   "network of its own",
				   addr_text(addr, text), prefix_len, a->line);
	}
	return true;
}

static bool check_address(struct config_reader *r, const yaml_node_t *node,
			  const struct conf_iface *iface, const struct ipaddr *addr,
			  unsigned prefix_len)
{
	uint16_t twin = config_local(r->conf, addr);
	char text[ADDR_TEXT_MAX];

	addr_text(addr, text);
	if (prefix_len == 0)
		return config_fail(r, node,
				   "%s/0 would make every address a neighbour: write the "
				   "network's prefix length",
				   text);
	if (!config_is_host(addr, prefix_len))
		return config_fail(r, node,
				   "%s/%u is not a host's address (multicast, broadcast, "
				   "loopback or unspecified): write one of the network's",
				   text, prefix_len);
	if (addr->family == IP_V6 && iface->mtu < IPV6_MTU_MIN)
		return config_fail(r, node,
				   "IPv6 needs an MTU of at least %u, here it is %u: raise "
				   "mtu or remove the address",
				   IPV6_MTU_MIN, iface->mtu);
	if (twin != CONF_NONE)
		return config_fail(r, node,
				   "%s is already a local address, on line %d: keep one "
				   "of them",
				   text, r->conf->addrs[twin].line);
	return check_network_alone(r, node, iface, addr, prefix_len);
}

static bool read_host(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf_addr *a = field;
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "ADDRESS/PREFIX", &s, &len))
		return false;
	if (!config_prefix(s, len, &a->addr, &a->prefix_len))
		return config_fail(r, node,
				   "%s is not an address with a prefix length: write it "
				   "like 192.0.2.1/24 or 2001:db8::1/64",
				   config_quote(s, len, quoted));
	return check_address(r, node, &r->conf->ifaces[a->iface], &a->addr, a->prefix_len);
}

static const char *const refuse_words[] = {"reset", "drop", "unreachable", NULL};

static const struct config_key address_keys[] = {
    {"address", CONFIG_ROW_SELF(read_host), .required = true, .hint = "address: ADDRESS/PREFIX"},
    {"refuse", .kind = CONFIG_CHOICE, CONFIG_FIELD(struct conf_addr, refuse),
     .choices = refuse_words, .def = CONF_REFUSE_RESET},
    {0},
};

/* ADDRESS/PREFIX, or a section where there is more to say of it. */
static bool read_address(struct config_reader *r, yaml_node_t *node, void *field)
{
	const struct conf_iface *iface = field;
	struct conf *conf = r->conf;
	struct conf_addr a = {.iface = (uint16_t)(iface - conf->ifaces), .line = config_line(node)};
	struct conf_addr *addrs;

	config_defaults(address_keys, &a);
	if (node->type == YAML_MAPPING_NODE ? !config_map(r, node, address_keys, &a)
					    : !read_host(r, node, &a))
		return false;
	addrs = config_grow(r, node, conf->addrs, conf->nb_addrs, sizeof(*addrs), CONF_MAX_ADDRS,
			    "addresses");
	if (!addrs)
		return false;
	conf->addrs = addrs;
	addrs[conf->nb_addrs++] = a;
	return true;
}

static bool read_addresses(struct config_reader *r, yaml_node_t *node, void *iface)
{
	return config_list(r, node, 1, CONF_MAX_ADDRS, read_address, iface);
}

static struct conf_iface *add_iface(struct config_reader *r, const yaml_node_t *node, uint16_t port)
{
	struct conf *conf = r->conf;
	struct conf_iface *ifaces =
	    config_grow(r, node, conf->ifaces, conf->nb_ifaces, sizeof(*ifaces), CONF_MAX_IFACES,
			"interfaces (ports and VLANs)");

	if (!ifaces)
		return NULL;
	conf->ifaces = ifaces;
	ifaces += conf->nb_ifaces++;
	ifaces->port = port;
	ifaces->mtu = conf->ports[port].mtu;
	return ifaces;
}

/* The addresses come last: they are checked against the MTU. */
static const struct config_key vlan_keys[] = {
    {"id", CONFIG_ROW_COUNT(struct conf_iface, vlan, 1, 4094, 0), .required = true,
     .hint = "id: 1 to 4094"},
    {"mtu", CONFIG_ROW_COUNT(struct conf_iface, mtu, 576, 9216, 1500)},
    {"addresses", CONFIG_ROW_SELF(read_addresses), .required = true,
     .hint = "addresses: [192.0.2.1/24]"},
    {0},
};

static bool read_vlan(struct config_reader *r, yaml_node_t *node, void *field)
{
	const struct conf_port *port = field;
	const struct conf *conf = r->conf;
	struct conf_iface *iface = add_iface(r, node, (uint16_t)(port - conf->ports));

	if (!iface || !config_map(r, node, vlan_keys, iface))
		return false;
	if (iface->mtu > port->mtu)
		return config_fail(r, node,
				   "mtu %u is above the port's %u: lower it or raise the "
				   "port's",
				   iface->mtu, port->mtu);
	for (const struct conf_iface *i = conf->ifaces; i < iface; i++) {
		if (i->port == iface->port && i->vlan == iface->vlan)
			return config_fail(r, node, "VLAN %u is in this list twice: merge the two",
					   iface->vlan);
	}
	return true;
}

static bool read_vlans(struct config_reader *r, yaml_node_t *node, void *port)
{
	return config_list(r, node, 0, CONF_MAX_IFACES, read_vlan, port);
}

/* A port without addresses of its own has no untagged interface: what comes in
 * there without a tag belongs to nobody. */
static bool read_untagged(struct config_reader *r, yaml_node_t *node, void *field)
{
	const struct conf_port *port = field;
	struct conf_iface *iface = add_iface(r, node, (uint16_t)(port - r->conf->ports));

	return iface && read_addresses(r, node, iface);
}

static bool read_fault(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf_fault *fault = field;

	config_defaults(config_fault_keys, fault);
	fault->enabled = true;
	return config_map(r, node, config_fault_keys, fault);
}

#define RING_COUNT(field) CONFIG_ROW_COUNT(struct conf_port, field, 64, 16384, 1024)

/* The addresses come after the MTU that they are checked against. */
static const struct config_key port_keys[] = {
    {"name", CONFIG_ROW_NAME(struct conf_port, name), .required = true, .hint = "name: NAME"},
    {"device", CONFIG_ROW_TEXT(struct conf_port, device), .required = true,
     .hint = "device: \"net_af_packet0,iface=NAME\", a PCI address or \"pcapng:FILE\""},
    {"mtu", CONFIG_ROW_COUNT(struct conf_port, mtu, 576, 9216, 1500)},
    {"rx_ring", RING_COUNT(rx_ring)},
    {"tx_ring", RING_COUNT(tx_ring)},
    {"record", CONFIG_ROW_TEXT(struct conf_port, record)},
    {"fault", CONFIG_ROW_NODE(struct conf_port, fault, read_fault)},
    {"addresses", CONFIG_ROW_SELF(read_untagged)},
    {"vlans", CONFIG_ROW_SELF(read_vlans)},
    {0},
};

/* Two ports on one device, or recording into one file, would destroy each other. */
static bool check_port(struct config_reader *r, const yaml_node_t *node,
		       const struct conf_port *port)
{
	for (const struct conf_port *p = r->conf->ports; p < port; p++) {
		if (!strcmp(p->device, port->device))
			return config_fail(r, node,
					   "device \"%s\" is already port %s's: give each "
					   "port its own",
					   port->device, p->name);
		if (*port->record && !strcmp(p->record, port->record))
			return config_fail(r, node,
					   "port %s records into \"%s\" too: give each "
					   "port a file of its own",
					   p->name, port->record);
	}
	if (!strncmp(port->device, CONFIG_REPLAY_PREFIX, strlen(CONFIG_REPLAY_PREFIX))) {
		const char *replay = port->device + strlen(CONFIG_REPLAY_PREFIX);

		if (!*replay)
			return config_fail(r, node,
					   "device \"%s\" names no file: write pcapng:FILE",
					   port->device);
		if (!strcmp(port->record, replay))
			return config_fail(r, node,
					   "records into the file that it replays: give "
					   "record another one");
	}
	return true;
}

static bool read_port(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf *conf = field;
	uint16_t first_addr = conf->nb_addrs;
	struct conf_port *ports = config_grow(r, node, conf->ports, conf->nb_ports, sizeof(*ports),
					      CONF_MAX_PORTS, "ports");
	struct conf_port *port;

	if (!ports)
		return false;
	conf->ports = ports;
	port = &ports[conf->nb_ports++];
	config_defaults(port_keys, port);
	port->line = config_line(node);
	if (!config_map(r, node, port_keys, port))
		return false;
	if (conf->nb_addrs == first_addr)
		return config_fail(r, node,
				   "the port has no address: add addresses: "
				   "[ADDRESS/PREFIX] to it or to one of its vlans");
	return config_unique(r, node, port->name, ports, conf->nb_ports - 1u, sizeof(*ports),
			     offsetof(struct conf_port, line)) &&
	       check_port(r, node, port);
}

bool config_read_ports(struct config_reader *r, yaml_node_t *node, void *conf)
{
	return config_list(r, node, 1, CONF_MAX_PORTS, read_port, conf);
}

/* The networks of multicast, class E and loopback addresses have no gateway. */
static bool has_gateway(const struct ipaddr *net, unsigned prefix_len)
{
	struct ipaddr host = *net;

	if (prefix_len == 0)
		return true;
	host.bytes[net->family == IP_V4 ? 3 : 15] |= 2;
	return ipaddr_is_unicast(&host) || host.bytes[0] == 0;
}

static bool check_network(struct config_reader *r, const yaml_node_t *node,
			  const struct conf_route *route)
{
	struct ipaddr net = route->to;
	char text[ADDR_TEXT_MAX];

	for (unsigned bit = route->prefix_len; bit < 128; bit++)
		net.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	addr_text(&net, text);
	if (!ipaddr_equal(&net, &route->to))
		return config_fail(r, node, "has bits set behind its prefix: write %s/%u", text,
				   route->prefix_len);
	if (!has_gateway(&net, route->prefix_len))
		return config_fail(r, node, "%s/%u is not a network of hosts: remove the route",
				   text, route->prefix_len);
	return true;
}

static bool read_to(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf_route *route = field;
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "NETWORK/PREFIX", &s, &len))
		return false;
	if (!config_prefix(s, len, &route->to, &route->prefix_len))
		return config_fail(r, node,
				   "%s is not a network: write it like 0.0.0.0/0, "
				   "203.0.113.0/24 or 2001:db8::/32",
				   config_quote(s, len, quoted));
	return check_network(r, node, route);
}

static bool read_via(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf_route *route = field;
	const struct conf *conf = r->conf;
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	uint16_t near;
	size_t len;

	if (!config_scalar(r, node, "the gateway's address", &s, &len))
		return false;
	config_quote(s, len, quoted);
	if (!config_ipaddr(s, len, &route->via) || route->via.family != route->to.family)
		return config_fail(r, node,
				   "%s is not an IPv%u address as the network is: write "
				   "the gateway's address",
				   quoted, route->to.family);
	near = config_on_link(conf, &route->via);
	if (near == CONF_NONE)
		return config_fail(r, node,
				   "gateway %s is not on any port's network: add an "
				   "address of its network to a port",
				   quoted);
	if (config_local(conf, &route->via) != CONF_NONE ||
	    !config_is_host(&route->via, conf->addrs[near].prefix_len))
		return config_fail(r, node,
				   "%s is a local or broadcast address: write the "
				   "gateway's",
				   quoted);
	route->iface = conf->addrs[near].iface;
	return true;
}

static const struct config_key route_keys[] = {
    {"to", CONFIG_ROW_SELF(read_to), .required = true, .hint = "to: 0.0.0.0/0"},
    {"via", CONFIG_ROW_SELF(read_via), .required = true, .hint = "via: ADDRESS"},
    {0},
};

static bool read_route(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf *conf = field;
	struct conf_route *routes = config_grow(r, node, conf->routes, conf->nb_routes,
						sizeof(*routes), CONF_MAX_ROUTES, "routes");
	struct conf_route *route;

	if (!routes)
		return false;
	conf->routes = routes;
	route = &routes[conf->nb_routes++];
	if (!config_map(r, node, route_keys, route))
		return false;
	for (const struct conf_route *other = routes; other < route; other++) {
		if (ipaddr_equal(&other->to, &route->to) && other->prefix_len == route->prefix_len)
			return config_fail(r, node,
					   "there is a route to this network already: "
					   "keep one of them");
	}
	return true;
}

bool config_read_routes(struct config_reader *r, yaml_node_t *node, void *conf)
{
	return config_list(r, node, 0, CONF_MAX_ROUTES, read_route, conf);
}

/* Every ring entry may hold a buffer, so fewer would let the ports starve. */
bool config_check_buffers(struct config_reader *r, const yaml_node_t *root)
{
	const struct conf *conf = r->conf;
	uint32_t needed = 0;

	for (uint16_t i = 0; i < conf->nb_ports; i++)
		needed += conf->nb_workers * (conf->ports[i].rx_ring + conf->ports[i].tx_ring);
	if (conf->memory.buffers >= needed)
		return true;
	config_enter(r, "memory.buffers");
	return config_fail(r, r->memory ? r->memory : root,
			   "%u packet buffers can't fill the rings of all ports and workers: "
			   "write at least %u, or smaller rx_ring and tx_ring",
			   conf->memory.buffers, needed);
}
