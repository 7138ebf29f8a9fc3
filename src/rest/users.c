/* Users and OAuth2 clients. */
#include "rest/rest.h"

static struct principal_query
query_of(const struct request *rq)
{
    const struct v1_principal_query *q = rq->query;

    return (
        struct principal_query){ .after = q->after, .text = q->contains, .limit = (int)q->limit };
}

/* Users. */

static void
show_user(const struct user *u, struct v1_user *out)
{
    *out = (struct v1_user){
        .id = u->id,
        .name = u->account,
        .display_name = u->display_name,
        .email = u->email,
        .enabled = u->enabled.value,
        .roles = u->roles,
        .created_at = u->created,
        .last_login_at = u->last_login,
        .locked_until = u->locked_until,
        .version = u->version,
    };
}

static enum err
user_of(struct request *rq, struct user *out)
{
    struct access *a = rq->app->access;
    enum err e = user_find(rq->scope, a, var_text(rq, "user"), out);
    int64_t id;

    if (e != E_NOT_FOUND || !var_is_id(rq, "user", &id))
        return e;
    return user_get(rq->scope, a, id, out);
}

static enum err
answer_user(struct request *rq, const struct user *u)
{
    struct v1_user out;

    show_user(u, &out);
    return reply_tagged(rq, &out, u->version);
}

static enum err
users_list(struct request *rq)
{
    struct principal_query q = query_of(rq);
    struct list users, out = { 0 };
    const char *next;

    TRY(user_list(rq->scope, rq->app->access, &q, &users, &next));
    LIST_EACH(struct user, u, &users)
    show_user(u, list_push(rq->scope->arena, &out, struct v1_user));
    return reply_items(rq, &out, next);
}

static enum err
user_make(struct request *rq)
{
    const struct v1_user_new *in = rq->body;
    struct user user = { .account = in->name,
                         .display_name = in->display_name,
                         .email = in->email,
                         .enabled = in->enabled,
                         .roles = in->roles,
                         .roles_given = true };
    struct v1_user out;

    TRY(user_add(rq->scope, rq->app->access, rq->caller, &user, in->password, &user));
    show_user(&user, &out);
    return reply_made(rq, &out, NULL, user.version,
                      arena_printf(rq->scope->arena, "/users/%lld", (long long)user.id));
}

static enum err
users_create(struct request *rq)
{
    return make_once(rq, user_make);
}

static enum err
users_get(struct request *rq)
{
    struct user user;

    TRY(user_of(rq, &user));
    return answer_user(rq, &user);
}

static enum err
users_edit(struct request *rq)
{
    const struct v1_user_edit *in = rq->body;
    struct user edit = { .display_name = in->display_name,
                         .email = in->email,
                         .enabled = in->enabled,
                         .roles = in->roles,
                         .roles_given = body_has(rq, "roles") };
    struct user user;

    TRY(if_match(rq, &edit.version));
    TRY(user_of(rq, &user));
    edit.id = user.id;
    TRY(user_edit(rq->scope, rq->app->access, rq->caller, &edit, &user));
    return answer_user(rq, &user);
}

static enum err
users_password(struct request *rq)
{
    const struct v1_password *in = rq->body;
    struct user user;
    int64_t version;

    TRY(if_match(rq, &version));
    TRY(user_of(rq, &user));
    return user_set_password(rq->scope, rq->app->access, rq->caller, user.id, version,
                             in->password);
}

static enum err
users_unlock(struct request *rq)
{
    struct user user;

    TRY(user_of(rq, &user));
    return user_unlock(rq->scope, rq->app->access, rq->caller, user.id);
}

static enum err
users_delete(struct request *rq)
{
    struct user user;
    int64_t version;

    TRY(if_match(rq, &version));
    TRY(user_of(rq, &user));
    return user_delete(rq->scope, rq->app->access, rq->caller, user.id, version);
}

/* Clients. */

static void
show_client(const struct oauth_client *c, struct v1_client *out)
{
    *out = (struct v1_client){
        .id = c->id,
        .client_id = c->client_id,
        .description = c->description,
        .enabled = c->enabled.value,
        .roles = c->roles,
        .created_at = c->created,
        .last_used_at = c->last_used,
        .version = c->version,
    };
}

static enum err
client_of(struct request *rq, struct oauth_client *out)
{
    struct access *a = rq->app->access;
    enum err e = client_find(rq->scope, a, var_text(rq, "client"), out);
    int64_t id;

    if (e != E_NOT_FOUND || !var_is_id(rq, "client", &id))
        return e;
    return client_get(rq->scope, a, id, out);
}

static enum err
answer_client(struct request *rq, const struct oauth_client *c, const char *secret)
{
    struct v1_client out;

    show_client(c, &out);
    out.client_secret = secret;
    return reply_tagged(rq, &out, c->version);
}

static enum err
clients_list(struct request *rq)
{
    struct principal_query q = query_of(rq);
    struct list clients, out = { 0 };
    const char *next;

    TRY(client_list(rq->scope, rq->app->access, &q, &clients, &next));
    LIST_EACH(struct oauth_client, c, &clients)
    show_client(c, list_push(rq->scope->arena, &out, struct v1_client));
    return reply_items(rq, &out, next);
}

static enum err
client_make(struct request *rq)
{
    const struct v1_client_new *in = rq->body;
    struct oauth_client client = { .client_id = in->client_id,
                                   .description = in->description,
                                   .enabled = in->enabled,
                                   .roles = in->roles,
                                   .roles_given = true };
    struct v1_client out, kept;
    const char *secret;

    TRY(client_add(rq->scope, rq->app->access, rq->caller, &client, NULL, &client, &secret));
    show_client(&client, &kept);
    out = kept;
    out.client_secret = secret;
    return reply_made(rq, &out, &kept, client.version,
                      arena_printf(rq->scope->arena, "/clients/%lld", (long long)client.id));
}

static enum err
clients_create(struct request *rq)
{
    return make_once(rq, client_make);
}

static enum err
clients_get(struct request *rq)
{
    struct oauth_client client;

    TRY(client_of(rq, &client));
    return answer_client(rq, &client, NULL);
}

static enum err
clients_edit(struct request *rq)
{
    const struct v1_client_edit *in = rq->body;
    struct oauth_client edit = { .description = in->description,
                                 .enabled = in->enabled,
                                 .roles = in->roles,
                                 .roles_given = body_has(rq, "roles") };
    struct oauth_client client;

    TRY(if_match(rq, &edit.version));
    TRY(client_of(rq, &client));
    edit.id = client.id;
    TRY(client_edit(rq->scope, rq->app->access, rq->caller, &edit, &client));
    return answer_client(rq, &client, NULL);
}

static enum err
clients_secret(struct request *rq)
{
    struct access *a = rq->app->access;
    struct oauth_client client;
    const char *secret;
    int64_t version;

    TRY(if_match(rq, &version));
    TRY(client_of(rq, &client));
    TRY(client_new_secret(rq->scope, a, rq->caller, client.id, version, &secret));
    TRY(client_get(rq->scope, a, client.id, &client));
    return answer_client(rq, &client, secret);
}

static enum err
clients_delete(struct request *rq)
{
    struct oauth_client client;
    int64_t version;

    TRY(if_match(rq, &version));
    TRY(client_of(rq, &client));
    return client_delete(rq->scope, rq->app->access, rq->caller, client.id, version);
}

const struct binding rest_users[] = {
    { &v1_users_list_op, users_list },         { &v1_users_create_op, users_create },
    { &v1_users_get_op, users_get },           { &v1_users_edit_op, users_edit },
    { &v1_users_password_op, users_password }, { &v1_users_unlock_op, users_unlock },
    { &v1_users_delete_op, users_delete },     { &v1_clients_list_op, clients_list },
    { &v1_clients_create_op, clients_create }, { &v1_clients_get_op, clients_get },
    { &v1_clients_edit_op, clients_edit },     { &v1_clients_secret_op, clients_secret },
    { &v1_clients_delete_op, clients_delete }, { NULL, NULL },
};
