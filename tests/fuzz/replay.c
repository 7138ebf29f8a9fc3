/* Feed every file of the directories named to a fuzz target: the corpus as a test, with any
 * compiler. */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (4 * 1024 * 1024)

static int
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    size_t len;

    if (!file)
        return -1;
    data = malloc(INPUT_MAX);
    PROMISE(data != NULL);
    len = fread(data, 1, INPUT_MAX, file);
    fclose(file);
    data = realloc(data, len ? len : 1); /* a read past the end is then seen by a sanitizer */
    PROMISE(data != NULL);
    LLVMFuzzerTestOneInput(data, len);
    free(data);
    return 0;
}

static int
replay_dir(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int count = 0;

    if (!dir)
        return 0;
    while ((entry = readdir(dir))) {
        char file[4096];
        struct stat st;

        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && replay_file(file) == 0)
            count++;
    }
    closedir(dir);
    return count;
}

int
main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++)
        count += replay_dir(argv[i]);
    printf("%d inputs\n", count);
    return count ? 0 : 1;
}
