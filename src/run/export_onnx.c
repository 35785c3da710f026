#include "run/export.h"
bool mb__export_onnx(const mb__export *x, const char *path, int64_t *bytes, mb_error *err) { return mb_fail(err, MB_ERR_UNSUPPORTED, "onnx"); }
