/* A PKCS#11 module in front of another, which fails while a file of that name exists in ORDERS:
 * hang, twist, lose. */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <unistd.h>

static CK_FUNCTION_LIST ours;
static CK_FUNCTION_LIST_PTR real;

#define TOLD(what) (access(ORDERS "/" what, F_OK) == 0)

static CK_RV
sign(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_len, unsigned char *out,
     unsigned long *out_len)
{
    CK_RV rv;

    while (TOLD("hang"))
        usleep(10000);
    if (TOLD("lose"))
        return CKR_DEVICE_REMOVED;
    rv = real->C_Sign(session, in, in_len, out, out_len);
    if (rv == CKR_OK && TOLD("twist"))
        out[*out_len - 1] ^= 1;
    return rv;
}

static CK_RV
decrypt(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_len, unsigned char *out,
        unsigned long *out_len)
{
    while (TOLD("hang"))
        usleep(10000);
    if (TOLD("lose"))
        return CKR_DEVICE_REMOVED;
    return real->C_Decrypt(session, in, in_len, out, out_len);
}

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    void *module = dlopen(REAL, RTLD_NOW);
    CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
    CK_RV rv = get(&real);

    ours = *real;
    ours.C_Sign = sign;
    ours.C_Decrypt = decrypt;
    *list = &ours;
    return rv;
}
