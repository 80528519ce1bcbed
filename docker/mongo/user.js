// The registry's own user, at the first start: its database, and no other.
db.getSiblingDB('airegistry').createUser({
  user: process.env.AIREGISTRY_STORE_USERNAME,
  pwd: process.env.AIREGISTRY_STORE_PASSWORD,
  roles: [{ role: 'readWrite', db: 'airegistry' }],
});
