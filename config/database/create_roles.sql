-- The database roles of Till, made once, by a superuser, in the database that Till is to use (psql 15 or later):
--   OWNER_PASSWORD=… SERVICE_PASSWORD=… psql --dbname=till --set=ON_ERROR_STOP=1 --file=config/database/create_roles.sql
-- till_owner owns and migrates; till is what the service connects as, and gets its rights from
-- `manage.py grant_service_role` after each migrate.
-- --set=owner=… and --set=service=… give them other names.
\if :{?owner}
\else
    \set owner till_owner
\endif
\if :{?service}
\else
    \set service till
\endif
\getenv owner_password OWNER_PASSWORD
\getenv service_password SERVICE_PASSWORD
BEGIN;
CREATE ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE :"service" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'service_password';
ALTER DATABASE :"DBNAME" OWNER TO :"owner";
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO :"service";
-- The schema's owner is the database's owner, in PostgreSQL 15 and later; a database from before keeps another.
ALTER SCHEMA public OWNER TO pg_database_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
COMMIT;
