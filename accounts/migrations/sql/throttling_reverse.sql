ALTER TABLE accounts_throttlecount SET LOGGED;
