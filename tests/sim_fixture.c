/*
 * A small machine for unit tests.
 */
#include "tests/sim_fixture.h"

int fixture_setup(void **state)
{
	struct machine_config config;
	struct machine *m;
	struct err e;

	machine_config_default(&config);
	config.nodes[0].memory = config.nodes[1].memory = 64 << 20;
	m = machine_create(&config, &e);
	if (!m)
		return -1;
	machine_use(m);
	*state = m;
	return 0;
}

int fixture_teardown(void **state)
{
	machine_destroy(*state);
	return 0;
}
