/*
 * One way to open a load, whatever it is.
 */
#include "cmd/load.h"

#include <string.h>

#include "lib/file.h"
#include "lib/units.h"

bool load_is_workload(const char *path)
{
	const char *dot = strrchr(file_base(path), '.');

	return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml"));
}

int load_duration_parse(const char *text, u64 *ns, struct err *e)
{
	if (time_parse(text, ns, e))
		return err_prefix(e, "--duration");
	return *ns ? 0 : err_set(e, "--duration: must be more than zero");
}

static int resolve_machine(const struct load_spec *l, const char *carried,
			   struct machine_config *machine, struct err *e)
{
	if (l->machine)
		*machine = *l->machine;
	else if (carried && machine_config_parse(machine, l->path, carried, e))
		return err_prefix(e, "the machine that the trace carries");
	else if (!carried && l->recorded_machine)
		return machine_config_parse(machine, "the machine of the snapshots",
					    l->recorded_machine, e);
	else if (!carried)
		machine_config_default(machine);
	return 0;
}

static struct source *open_workload(const struct load_spec *l, struct machine_config *machine,
				    struct err *e)
{
	if (l->start.dir) {
		err_set(e, "%s: a workload has no snapshots", l->path);
		return NULL;
	}
	if (resolve_machine(l, NULL, machine, e))
		return NULL;
	return workload_open(l->path,
			     &(struct workload_options){
				     .seed = l->seed,
				     .duration_ns = l->duration_ns,
				     .machine = machine->name,
				     .nr_cpus = machine->nr_cpus,
				     .nr_nodes = machine->nr_nodes,
				     .change = l->change,
			     },
			     e);
}

struct source *load_open(const struct load_spec *l, struct machine_config *machine, struct err *e)
{
	struct source *s;

	if (l->change.root || load_is_workload(l->path))
		return open_workload(l, machine, e);
	s = start_open(l->path, &l->start, l->start_note, e);
	if (s && l->duration_ns)
		err_set(e, "%s: a trace lasts as long as it was recorded", l->path);
	else if (!s || !resolve_machine(l, s->tables.machine, machine, e))
		return s;
	s->ops->close(s);
	return NULL;
}
