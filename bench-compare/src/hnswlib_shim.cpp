// hnswlib as plain functions. Vectors come at length 1, so that inner products are cosines.
#include "hnswlib/hnswlib.h"

struct Both {
    hnswlib::InnerProductSpace space;
    hnswlib::HierarchicalNSW<float> graph;
    Both(size_t dim, size_t count, size_t links, size_t ef) : space(dim), graph(&space, count, links, ef, 100) {}
    Both(size_t dim, const char *path) : space(dim), graph(&space, path) {}
};

extern "C" {
void *hl_new(size_t dim, size_t count, size_t links, size_t ef) { return new Both(dim, count, links, ef); }
void *hl_open(size_t dim, const char *path) { return new Both(dim, path); }
void hl_free(void *both) { delete static_cast<Both *>(both); }
void hl_add(void *both, const float *vector, size_t label) { static_cast<Both *>(both)->graph.addPoint(vector, label); }
void hl_save(void *both, const char *path) { static_cast<Both *>(both)->graph.saveIndex(path); }
size_t hl_search(void *both, const float *query, size_t ef, size_t most, uint32_t *out) {
    auto &graph = static_cast<Both *>(both)->graph;
    graph.setEf(ef);
    auto found = graph.searchKnn(query, most);
    size_t count = found.size();
    for (size_t at = count; at-- > 0; found.pop()) out[at] = static_cast<uint32_t>(found.top().second);
    return count;
}
}
