// The weight search for any processor.
#define SEARCH_ROW resa_search_row_scalar
#include "search_rows.h"
