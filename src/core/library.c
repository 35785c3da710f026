/* Shared libraries that are loaded when a feature first needs them: the program starts as fast as without them. */
#include "matchbox/core.h"
#include <dlfcn.h>
#include <string.h>

bool mb_library_load(const char *soname, const mb_symbol *symbols, const char *feature, const char *package, mb_error *err)
{
    void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        mb_fail(err, MB_ERR_UNSUPPORTED, "%s: needs the library %s, which cannot be loaded", feature, soname);
        mb_note(err, "%s", dlerror());
        return mb_help(err, "Debian, Ubuntu: apt-get install %s", package);
    }
    for (; symbols->name; symbols++) {
        void *address = dlsym(handle, symbols->name);
        if (!address) {
            mb_fail(err, MB_ERR_UNSUPPORTED, "%s: the library %s has no function '%s'", feature, soname, symbols->name);
            return mb_note(err, "it is probably older than the one this matchbox was built for");
        }
        memcpy(symbols->to, &address, sizeof address);
    }
    return true; /* the handle stays open: its functions live as long as the process */
}
