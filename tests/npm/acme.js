// usage: acme.js ORDERS   An account, and certificates by the npm package acme-client, as its page tells to use it.
// ORDERS is a JSON file: { directory, tokens, texts, tls_port, orders: [{ names, challenge, out, revoke }] }. Tokens are
// files in that folder; TXT records are lines "NAME VALUE" of that file; out receives the chain.
'use strict';
const fs = require('fs');
const path = require('path');
const tls = require('tls');
const acme = require('acme-client');

const told = JSON.parse(fs.readFileSync(process.argv[2]));
let alpn;

async function place(authz, challenge, proof) {
    if (challenge.type === 'http-01') {
        fs.writeFileSync(path.join(told.tokens, challenge.token), proof);
    } else if (challenge.type === 'dns-01') {
        fs.appendFileSync(told.texts, `_acme-challenge.${authz.identifier.value} ${proof}\n`);
    } else {
        const [key, cert] = await acme.crypto.createAlpnCertificate(authz, proof);
        alpn = tls.createServer({ key, cert, ALPNProtocols: ['acme-tls/1'] }, (socket) => socket.end());
        alpn.on('tlsClientError', () => {});
        await new Promise((done) => { alpn.listen(told.tls_port, '127.0.0.1', done); });
    }
}

async function remove(authz, challenge) {
    if (challenge.type === 'http-01') {
        fs.unlinkSync(path.join(told.tokens, challenge.token));
    } else if (challenge.type === 'tls-alpn-01') {
        alpn.close();
    }
}

async function main() {
    const client = new acme.Client({ directoryUrl: told.directory, accountKey: await acme.crypto.createPrivateEcdsaKey() });
    for (const order of told.orders) {
        const [, csr] = await acme.crypto.createCsr({ altNames: order.names }, await acme.crypto.createPrivateEcdsaKey());
        const chain = await client.auto({
            csr,
            email: 'ana@example.com',
            termsOfServiceAgreed: true,
            skipChallengeVerification: true, // it would ask the system's resolver, and ports 80 and 443
            challengePriority: [order.challenge],
            challengeCreateFn: place,
            challengeRemoveFn: remove,
        });
        fs.writeFileSync(order.out, chain);
        if (order.revoke) {
            await client.revokeCertificate(chain, { reason: 4 });
        }
    }
    await client.updateAccount({ contact: ['mailto:ben@example.com'] });
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
